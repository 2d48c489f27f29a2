import type { Span } from '../../src/core/calendar.ts'
import { Backfills } from './backfills.ts'
import { type Features, featuresOf } from './features.ts'
import { ask, contextOf, type Project, type Sabotage, startHost, startInterval } from './hosts.ts'
import { Intervals } from './intervals.ts'
import { memoryState } from './memory-state.ts'
import { isAtRest, passingTime, unrest } from './passing-time.ts'
import { people, type Surroundings } from './people.ts'
import {
  randomGraph,
  randomRivals,
  randomScript,
  randomScripts,
  type SimRequest,
  type SimTask,
} from './project.ts'
import { compareWithReference, statusesIn } from './reference.ts'
import { type Faults, Scheduler } from './scheduler.ts'
import { Schedules, type StartScheduled } from './schedules.ts'
import { sqliteState } from './sqlite-state.ts'
import { type Observer, World } from './world.ts'

/** What one seed showed. */
export interface Outcome {
  violations: string[]
  trace: string[]
  bodies: string[]
  /** Final status of each task of each run, by run and id. */
  statuses: Record<string, string>
}

const NO_FAULTS: Faults = { crash: 0, freeze: 0, repeat: 0, delay: 0 }
const FAULTS: Faults = { crash: 0.004, freeze: 0.002, repeat: 0.03, delay: 0.1 }
const HOSTS = 3
const MAX_STEPS = 100_000
const DAYS_MS = 3 * 86_400_000
/** Audits must do no harm and find nothing; but half of the seeds do without, so that they hide nothing. */
const auditMsOf = (seed: number) => (seed % 2 === 0 ? 45_000 : Number.POSITIVE_INFINITY)

/** One seed in ten is without faults. */
const isCalmSeed = (seed: number) => seed % 10 === 0

/** Whether the state of a seed is on SQLite: one in ten, some with audits, some without, some calm. */
const isOnSqlite = (seed: number) => seed % 20 === 7 || seed % 40 === 14 || seed % 40 === 20

/** Whether a seed is of a kind: with a feature, or on SQLite. */
export const isOfKind = (seed: number, kind: SeedKind): boolean =>
  kind === 'sqlite' ? isOnSqlite(seed) : featuresOf(seed, isCalmSeed(seed))[kind]

/** What seeds may be chosen by. */
export type SeedKind = 'sqlite' | keyof Features

function faultsOf(seed: number): Faults {
  if (isCalmSeed(seed)) return NO_FAULTS
  // Only a store that is called over a network may do a write twice.
  return isOnSqlite(seed) ? { ...FAULTS, repeat: 0 } : FAULTS
}

/** Runs the whole engine for one seed. Every tenth seed is without faults: then every body has to run exactly once. */
export async function simulate(
  seed: number,
  sabotage: Sabotage = (ports) => ports,
  features: Features = featuresOf(seed, isCalmSeed(seed)),
): Promise<Outcome> {
  const isCalm = isCalmSeed(seed)
  const scheduler = new Scheduler(seed, faultsOf(seed))
  const { tasks, scripts, makeRequests } = makeTasks(scheduler.random, features, isCalm)
  const world = new World(scheduler, { tasks, scripts }, isOnSqlite(seed) ? sqliteState : memoryState)
  const project = makeProject(world, seed, makeRequests(), features)
  const quiet = passingTime(world, project.auditMs)
  const disturb = disturbances(world, { project, tasks, features, isCalm })
  const hosts: string[] = []
  const boot = () => {
    hosts.push(`h${hosts.length}`)
    startHost(world, hosts.at(-1) as string, project, sabotage)
  }
  for (let host = 0; host < HOSTS; host++) boot()
  for (let steps = 0; !isOver(world, project); steps++) {
    if (steps === MAX_STEPS) {
      world.violations.push(`not at rest after ${MAX_STEPS} steps: ${unrest(world)}`)
      break
    }
    if (hosts.filter((host) => !scheduler.dead.has(host)).length < HOSTS) boot()
    disturb(steps)
    await scheduler.step()
    world.check()
    quiet(steps)
    if (world.violations.length > 0) break
  }
  const all = [...tasks, ...project.intervals.tasks]
  if (world.violations.length === 0) compareWithReference(world, all, scripts, isCalm)
  if (world.violations.length === 0) project.schedules?.watch.checkRest()
  await world.close()
  return {
    violations: world.violations,
    trace: scheduler.trace,
    bodies: world.bodies.begun,
    statuses: statusesIn(world),
  }
}

/** The graph of a world, its rivals, how their bodies behave, and what is asked for. */
function makeTasks(random: () => number, { hasRivals, handsOn }: Features, isCalm: boolean) {
  const graph = randomGraph(random, handsOn)
  const scripts = randomScripts(random, graph, isCalm)
  const rivals = hasRivals ? randomRivals(random, graph, scripts) : []
  for (const { id } of rivals) scripts.set(id, randomScript(random, isCalm))
  const makeRequests = (): SimRequest[] => {
    const other = graph.at(-1 - Math.floor(random() * Math.min(3, graph.length)))
    const roots = [graph.at(-1), other] as SimTask[]
    return [
      ...roots.map((root, index) => ({ name: `run${index}`, root })),
      ...rivals.map((root) => ({ name: root.id, root })),
    ]
  }
  return { tasks: [...graph, ...rivals], scripts, makeRequests }
}

const isOver = (world: World, { requests, schedules }: Project) =>
  (schedules?.isClosed ?? true) && isAtRest(world, requests)

function makeProject(world: World, seed: number, requests: SimRequest[], features: Features): Project {
  const { random } = world.scheduler
  const { hasRivals, hasSchedules, changesDefinitions, handsOn, cutsHandOns } = features
  // In some a record holds few upstreams, so that most tasks have joins.
  const maxFanIn = random() < 0.3 ? 2 : Number.POSITIVE_INFINITY
  const page = random() < 0.5 ? { page: 3 } : {}
  const schedules = hasSchedules ? new Schedules(world, contextOfPerson(world)) : undefined
  return {
    requests,
    notesMakers: hasRivals,
    changesDefinitions,
    handsOn,
    cutsHandOns,
    maxFanIn,
    auditMs: auditMsOf(seed),
    ...page,
    intervals: new Intervals(world),
    ...(schedules && { schedules }),
  }
}

/** What happens to some worlds at some step: people act, or every machine stands still for days. */
function disturbances(
  world: World,
  { project, tasks, features, isCalm }: Disturbed,
): (steps: number) => void {
  const { scheduler } = world
  const sleeps = !isCalm && scheduler.random() < 0.1
  const hasPeople = !isCalm && (scheduler.random() < 0.5 || features.changesDefinitions)
  const act = hasPeople ? people(surroundings(world, project, tasks), features) : () => {}
  const others = othersWhoAct(world, project, features)
  world.observers.push(...others)
  return (steps) => {
    act(steps)
    for (const each of others) each.act(steps)
    // A schedule would have all intervals of these days to start.
    if (!sleeps || features.hasSchedules || steps !== 200) return
    scheduler.now += DAYS_MS
    scheduler.hasStoodStill = true
  }
}

/** What is disturbed, and by what. */
interface Disturbed {
  project: Project
  tasks: readonly SimTask[]
  features: Features
  isCalm: boolean
}

/** The schedule and backfills of a world, each with what looks at it. */
function othersWhoAct(world: World, project: Project, { hasBackfills }: Features) {
  const { schedules } = project
  const start: StartScheduled = (by, name, span) => startInterval(world, by, project, name, span)
  const scheduled = schedules && {
    act: (steps: number) => schedules.act(steps),
    read: schedules.watch.read.bind(schedules.watch),
    wrote: schedules.watch.wrote.bind(schedules.watch),
    comingInstants: () => schedules.comingInstants(),
  }
  const backfills = hasBackfills ? new Backfills(world, contextOfPerson(world), start) : undefined
  return [scheduled, backfills].filter((each) => each !== undefined) as Acting[]
}

/** What acts at every step, and looks at what becomes of it. */
interface Acting extends Observer {
  act(steps: number): void
}

/** A person's command has its own clock. */
const contextOfPerson = (world: World) => (host: string) =>
  contextOf(world, host, { auditMs: Number.POSITIVE_INFINITY })

/** What people act on; they ask for a run in the way that it was asked for. */
function surroundings(world: World, project: Project, tasks: readonly SimTask[]): Surroundings {
  return {
    world,
    tasks,
    contextOf: contextOfPerson(world),
    askAgain: (context, { name, interval }) => {
      const request = project.requests.find((each) => each.name === name)
      if (request !== undefined) return ask(world, context, project, request)
      return startInterval(world, context, project, name, interval as Span)
    },
  }
}
