import { type FoundTask, numberPlan } from '../../src/core/graph.ts'
import { hasEnded, isOpen, type Run, type StoredRecord, type TaskRun } from '../../src/core/model.ts'
import type { Policy } from '../../src/core/plan.ts'
import type { Ports } from '../../src/core/ports.ts'
import { MAX_FREE_ATTEMPTS } from '../../src/core/retry.ts'
import type { Context } from '../../src/engine/context.ts'
import { startLoops } from '../../src/engine/loops.ts'
import { openRun } from '../../src/engine/open-run.ts'
import { findTasks } from '../../src/engine/plan-graph.ts'
import { Worker } from '../../src/engine/work.ts'
import { people, type Surroundings } from './people.ts'
import { type Faults, Scheduler } from './scheduler.ts'
import { PERSON } from './watch.ts'
import { type Script, World, wasPlanned } from './world.ts'

/** A task of the simulated project; upstreams come before it. */
interface SimTask {
  id: string
  upstreams: SimTask[]
  policy: Policy
}

/** What one seed showed. */
export interface Outcome {
  violations: string[]
  trace: string[]
  bodies: string[]
  /** Final status of each task of each run, by run and id. */
  statuses: Record<string, string>
}

/** Changes the ports of a host, to see that the checks can fail. */
export type Sabotage = (ports: Ports) => Ports

const NO_FAULTS: Faults = { crash: 0, freeze: 0, repeat: 0, delay: 0 }
const FAULTS: Faults = { crash: 0.004, freeze: 0.002, repeat: 0.03, delay: 0.1 }
const HOSTS = 3
const MAX_STEPS = 100_000
const DAYS_MS = 3 * 86_400_000
const SETTINGS = {
  leaseMs: 30_000,
  heartbeatMs: 5_000,
  skewMs: 120_000,
  defaultMemoryMb: 1_000,
  largestMemoryMb: 4_000,
}
/** Audits must do no harm and find nothing; but half of the seeds do without, so that they hide nothing. */
const auditMsOf = (seed: number) => (seed % 2 === 0 ? 45_000 : Number.POSITIVE_INFINITY)
/** After so many steps in which nothing happens, time passes until something is to happen. */
const QUIET_STEPS = 60
/** After so many it stands still: audits take as long to look through a run page by page. */
const STILL_STEPS = 3_000
/** The clocks of two hosts are never further apart. */
const APART_MS = SETTINGS.skewMs
const ATTEMPTS = 3

/** Runs the whole engine for one seed. Every tenth seed is without faults: then every body has to run exactly once. */
export async function simulate(seed: number, sabotage: Sabotage = (ports) => ports): Promise<Outcome> {
  const isCalm = seed % 10 === 0
  const scheduler = new Scheduler(seed, isCalm ? NO_FAULTS : FAULTS)
  const tasks = randomGraph(scheduler.random)
  const scripts = randomScripts(scheduler.random, tasks, isCalm)
  const world = new World(scheduler, scripts)
  const roots = [
    tasks.at(-1),
    tasks.at(-1 - Math.floor(scheduler.random() * Math.min(3, tasks.length))),
  ] as SimTask[]
  // In some a record holds few upstreams, so that most tasks have joins.
  const maxFanIn = scheduler.random() < 0.3 ? 2 : Number.POSITIVE_INFINITY
  const quiet = passingTime(world, auditMsOf(seed))
  const page = scheduler.random() < 0.5 ? { page: 3 } : {}
  const project = { roots, maxFanIn, auditMs: auditMsOf(seed), ...page }
  const disturb = disturbances(world, project, isCalm)
  const hosts: string[] = []
  const boot = () => {
    hosts.push(`h${hosts.length}`)
    startHost(world, hosts.at(-1) as string, project, sabotage)
  }
  for (let host = 0; host < HOSTS; host++) boot()
  for (let steps = 0; !isAtRest(world, roots); steps++) {
    if (steps === MAX_STEPS) {
      world.violations.push(`not at rest after ${MAX_STEPS} steps: ${unrest(world).join('; ')}`)
      break
    }
    if (hosts.filter((host) => !scheduler.dead.has(host)).length < HOSTS) boot()
    disturb(steps)
    await scheduler.step()
    world.check()
    quiet(steps)
    if (world.violations.length > 0) break
  }
  if (world.violations.length === 0) compare(world, tasks, scripts, isCalm)
  return {
    violations: world.violations,
    trace: scheduler.trace,
    bodies: world.bodies,
    statuses: statusesOf(world),
  }
}

/**
 * Lets time pass where nothing happens, until something is to happen by itself. Where nothing is, the world stands still
 * though it is not at rest: what it waits for has been lost.
 */
function passingTime(world: World, auditMs: number): (steps: number) => void {
  const { scheduler } = world
  let [activity, since] = [0, 0]
  let isPassed = false
  return (steps) => {
    if (world.activity !== activity) {
      activity = world.activity
      since = steps
      isPassed = false
    }
    if (world.isBusy || steps - since < QUIET_STEPS) return
    const coming = comingInstants(world)
    if (coming.length > 0) {
      since = steps
      scheduler.passUntil(Math.min(...coming))
    } else if (!isPassed) {
      isPassed = true
      scheduler.passUntil(scheduler.now + (Number.isFinite(auditMs) ? 2 * auditMs : APART_MS))
    } else if (steps - since >= STILL_STEPS)
      world.violations.push(`stands still: ${unrest(world).join('; ')}`)
  }
}

/** Instants to come at which something is to happen: an instant of a record is due by one clock sooner than by another. */
function comingInstants(world: World): number[] {
  const { now } = world.scheduler
  const due = [...world.memory.records.values()].flatMap((record) =>
    'dueAt' in record ? (record.dueAt ?? []) : [],
  )
  const byAnyClock = due.flatMap((at) => [at - APART_MS / 2, at, at + APART_MS / 2 + 1_000, at + APART_MS])
  return [...byAnyClock, ...world.comingInstants(), ...world.scheduler.thaws()].filter((at) => at > now)
}

/** What happens to some worlds at some step: people act, or every machine stands still for days. */
function disturbances(world: World, project: Project, isCalm: boolean): (steps: number) => void {
  const { scheduler } = world
  const sleeps = !isCalm && scheduler.random() < 0.1
  const act = !isCalm && scheduler.random() < 0.5 ? people(surroundings(world, project)) : () => {}
  return (steps) => {
    act(steps)
    if (!sleeps || steps !== 200) return
    scheduler.now += DAYS_MS
    scheduler.hasStoodStill = true
  }
}

/** Wide, deep and diamond-shaped graphs, and anything between. */
function randomGraph(random: () => number): SimTask[] {
  const size = 1 + Math.floor(random() * 12)
  const reach = random() < 0.3 ? 1 : random() < 0.5 ? 3 : size
  const tasks: SimTask[] = []
  for (let index = 0; index < size; index++) {
    const wanted = index === size - 1 ? size : Math.floor(random() * 4)
    const near = tasks.slice(-reach)
    const upstreams = near.filter(() => random() < wanted / Math.max(1, near.length))
    const isExternal = upstreams.length === 0 && index < size - 1 && random() < 0.1
    tasks.push({ id: `t${index}`, upstreams, policy: isExternal ? EXTERNAL : randomPolicy(random) })
  }
  return tasks
}

const PLAIN: Policy = {
  retry: { attempts: 3, delayMs: 10_000, backoff: 'exponential' },
  fresh: 'run',
  secrets: {},
}
/** Its message cannot be delayed for so long. */
const SLOW_RETRY: Policy['retry'] = { attempts: 3, delayMs: 20 * 60_000, backoff: 'fixed' }
/** Somebody else makes its target, sooner than this timeout or never. */
const EXTERNAL: Policy = { ...PLAIN, external: { pollMs: 20_000 }, timeoutMs: 300_000 }

/** Half of the tasks need nothing; the others compete. */
function randomPolicy(random: () => number): Policy {
  const some = (share: number, most: number) => (random() < share ? 1 + Math.floor(random() * most) : 0)
  const weights = (wanted: { [name: string]: number }) =>
    Object.fromEntries(Object.entries(wanted).filter(([, weight]) => weight > 0))
  if (random() < 0.5) return PLAIN
  return {
    ...PLAIN,
    ...(random() < 0.2 ? { retry: SLOW_RETRY } : {}),
    pool: random() < 0.2 ? 'small' : 'default',
    priority: some(0.3, 3),
    resources: weights({ db: some(0.5, 2), api: some(0.3, 1) }),
    budgets: weights({ calls: some(0.2, 3) }),
  }
}

/** How every body behaves; some yield tasks of their own, or one of the graph that needs nothing. */
function randomScripts(random: () => number, tasks: SimTask[], isCalm: boolean): Map<string, Script> {
  const scripts = new Map(
    tasks.map(({ id, policy }) => [
      id,
      policy.external ? externalScript(random) : randomScript(random, isCalm),
    ]),
  )
  const free = tasks.filter(({ upstreams, policy }) => upstreams.length === 0 && !policy.external)
  for (const task of tasks) {
    if (task.policy.external || random() > 0.15) continue
    const own = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, index): SimTask => {
      const id = `${task.id}y${index}`
      scripts.set(id, randomScript(random, isCalm))
      return { id, upstreams: [], policy: randomPolicy(random) }
    })
    const shared = free.filter((each) => each !== task && scripts.get(each.id)?.yields.length === 0)
    const yields = random() < 0.3 && !isCalm ? [...own, ...shared.slice(0, 1)] : own
    const script = scripts.get(task.id) as Script
    if (tasks.some(({ id }) => scripts.get(id)?.yields.some((each) => each.id === task.id))) continue
    script.yields = yields.map(toFound)
  }
  return scripts
}

function toFound(task: SimTask): FoundTask {
  const ids = task.upstreams.map((each) => each.id)
  return {
    id: task.id,
    family: task.id,
    params: {},
    label: task.id,
    requires: ids,
    upstreams: ids,
    outputs: [`file:///${task.id}`],
    policy: task.policy,
  }
}

function randomScript(random: () => number, isCalm: boolean): Script {
  const durationMs = random() < 0.1 ? 90_000 : 5_000 * random()
  const fate = random()
  const failures = isCalm || fate < 0.7 ? 0 : fate < 0.9 ? 1 : Number.POSITIVE_INFINITY
  const mood = random()
  const asks = isCalm || mood < 0.5 ? undefined : mood < 0.8 ? 'more' : 'rest'
  const writesItself = random() < 0.3
  return { failures, durationMs, yields: [], ...(asks && { asks }), ...(writesItself && { writesItself }) }
}

/** Its target appears after a while, or it counts as one that always fails. */
function externalScript(random: () => number): Script {
  const appears = random() < 0.8
  return {
    failures: appears ? 0 : Number.POSITIVE_INFINITY,
    durationMs: 0,
    yields: [],
    ...(appears && { appearsMs: 60_000 * random() }),
  }
}

/** What a host is asked for, and how. */
interface Project {
  roots: SimTask[]
  maxFanIn: number
  auditMs: number
  /** How many records one step looks at. */
  page?: number
}

function startHost(world: World, host: string, project: Project, sabotage: Sabotage): void {
  const skewMs = (world.scheduler.random() - 0.5) * SETTINGS.skewMs
  const context: Context = {
    ports: sabotage(world.portsOf(host, skewMs)),
    settings: {
      worker: host,
      limits: world.limits,
      auditMs: project.auditMs,
      ...(project.page && { page: project.page }),
      ...SETTINGS,
    },
  }
  void liveHost(world, context, project).catch((error: Error) =>
    world.violations.push(`${host}: ${error.stack}`),
  )
}

async function liveHost(world: World, context: Context, { roots, maxFanIn }: Project): Promise<void> {
  const { scheduler } = world
  const loops = startLoops(context, new Worker(context, { concurrency: 2 }), (count) => {
    if (!scheduler.hasStoodStill) world.violate(`an audit repaired ${count} records`)
  })
  for (const [index, root] of roots.entries()) await openOnce(context, `run${index}`, root, maxFanIn)
  await loops.failed
}

/** What people act on; a person's command has its own clock, and asks for a run in the way that it was asked for. */
function surroundings(world: World, project: Project): Surroundings {
  return {
    world,
    contextOf: (worker) => ({
      ports: world.portsOf(worker, (world.scheduler.random() - 0.5) * SETTINGS.skewMs),
      settings: { worker, limits: world.limits, auditMs: Number.POSITIVE_INFINITY, ...SETTINGS },
    }),
    askAgain: (context, run) => {
      const index = Number(run.name.slice('run'.length))
      return open(context, run.name, project.roots[index] as SimTask, project.maxFanIn)
    },
  }
}

/** Asks for the run, as the same command would after a crash; one that has ended is not asked for again. */
async function openOnce(context: Context, name: string, root: SimTask, maxFanIn: number): Promise<void> {
  const { store } = context.ports
  const runs = await store.list({ prefix: `run/${name}-`, consistency: 'strong' })
  if (runs.some(({ record }) => !isOpen((record as unknown as Run).status))) return
  await open(context, name, root, maxFanIn)
}

async function open(context: Context, name: string, root: SimTask, maxFanIn: number): Promise<void> {
  const request = { name, family: root.id, params: {}, significant: {} }
  const { clock } = context.ports
  await openRun(context, request, async () => {
    const found = await findTasks([root], definitionsOn(context))
    return numberPlan(name, found, clock.now(), maxFanIn)
  })
}

function definitionsOn(context: Context) {
  return {
    areComplete: (tasks: SimTask[]) =>
      context.ports.completeness.areComplete(
        tasks.map((task) => ({ ...toFound(task), number: 0, dependents: [], upstreams: [], requires: [] })),
      ),
    describe: (task: SimTask, complete: boolean) => {
      const found = toFound(task)
      return complete
        ? { found: { ...found, requires: [], upstreams: [], complete: true as const }, upstreams: [] }
        : { found, upstreams: task.upstreams }
    },
  }
}

/** Every request has been answered, every run has ended, and nothing is left to be handled. */
function isAtRest(world: World, roots: SimTask[]): boolean {
  const runs = world.runs()
  const names = new Set(runs.map((run) => run.name))
  // What was asked for may have been forgotten again.
  if (names.size < roots.length && !world.hasPruned) return false
  if (runs.some((run) => isOpen(run.status))) return false
  if (world.scheduler.isAnyoneFrozen || world.scheduler.hasWork(PERSON)) return false
  return [...world.memory.records.values()].every(
    (record) =>
      (record.kind !== 'lock' || record.holder === undefined) &&
      (record.kind !== 'limit' || Object.keys(record.holders).length === 0) &&
      record.kind !== 'wait' &&
      (record.kind !== 'taskRun' || record.status !== 'running'),
  )
}

/** What keeps the world from its rest. */
function unrest(world: World): string[] {
  return [...world.memory.records].flatMap(([key, record]) => {
    const isOpen =
      (record.kind === 'taskRun' && !hasEnded(record.status)) ||
      (record.kind === 'run' && record.endedAt === undefined) ||
      record.kind === 'wait' ||
      (record.kind === 'limit' && Object.keys(record.holders).length > 0)
    return isOpen ? [`${key} ${JSON.stringify(record)}`] : []
  })
}

/** The end has to be that of a naive sequential run. */
function compare(world: World, tasks: SimTask[], scripts: Map<string, Script>, isCalm: boolean): void {
  world.checkRest()
  for (const run of world
    .runs()
    .filter(wasPlanned)
    .filter((each) => !ranOutOfTries(world, each.id) && !isMarkedInPart(world, each.id))
    .filter((each) => !hasAdoptedBesideMarks(world, each.id))) {
    const wanted = reference(tasks, scripts, markedIn(world, run.id))
    for (const [id, status] of taskStatuses(world, run.id)) {
      const got = status === 'complete' ? 'succeeded' : status
      if (run.cancelledAt === undefined && got !== wanted.get(id))
        world.violations.push(`${run.id} ${id} is ${status}, not ${wanted.get(id)}`)
    }
  }
  // Both runs may come to know what the body yields before one of them goes on.
  const attempts = (id: string) => ((scripts.get(id)?.yields.length ?? 0) > 0 ? 3 : 1)
  const counted = Map.groupBy(world.bodies, (id) => id)
  if (isCalm && [...counted].some(([id, runs]) => runs.length > attempts(id)))
    world.violations.push(`without faults a body ran twice: ${world.bodies.join(' ')}`)
}

/** Whether a task of a run was lost 20 times, by nothing but bad luck: then it fails, as it should. */
function ranOutOfTries(world: World, run: string): boolean {
  return [...world.memory.records.values()].some(
    (record) =>
      record.kind === 'taskRun' && record.run === run && (record.counts?.lost ?? 0) >= MAX_FREE_ATTEMPTS,
  )
}

/** Whether a person has marked a task that stands in the run once more, because another has yielded it. */
function isMarkedInPart(world: World, run: string): boolean {
  const tasks = [...world.memory.records].filter(([, each]) => each.kind === 'taskRun' && each.run === run)
  const ids = new Map(tasks.map(([key, each]) => [key, (each as TaskRun).taskId]))
  return tasks.some(
    ([key]) =>
      world.watch.marked.has(key) && tasks.filter(([other]) => ids.get(other) === ids.get(key)).length > 1,
  )
}

/** Whether a task of the run shares the failure of another run, in which a person may have marked what it needs. */
function hasAdoptedBesideMarks(world: World, run: string): boolean {
  if (world.watch.marked.size === 0) return false
  return [...world.memory.records.values()].some(
    (each) => each.kind === 'taskRun' && each.run === run && each.failure?.outcome === 'adopted',
  )
}

/** Ids of tasks of a run that a person has counted as succeeded, or that are complete because of it. */
function markedIn(world: World, run: string): Set<string> {
  const { marked, believed } = world.watch
  const isMarked = ([key, record]: [string, StoredRecord]) =>
    record.kind === 'taskRun' &&
    record.run === run &&
    (marked.has(key) || (record.status === 'complete' && believed.size > 0))
  const found = [...world.memory.records].filter(isMarked)
  return new Set(found.map(([, record]) => (record as TaskRun).taskId))
}

/** Each task once, in order. */
function reference(tasks: SimTask[], scripts: Map<string, Script>, marked: Set<string>): Map<string, string> {
  const statuses = new Map<string, string>()
  for (const { id, upstreams } of tasks) {
    const fails = (each: string) => !marked.has(each) && (scripts.get(each)?.failures ?? 0) >= ATTEMPTS
    const yields = scripts.get(id)?.yields ?? []
    for (const each of yields) statuses.set(each.id, fails(each.id) ? 'failed' : 'succeeded')
    const isBlocked =
      upstreams.some((each) => statuses.get(each.id) !== 'succeeded') || yields.some((each) => fails(each.id))
    statuses.set(id, isBlocked && !marked.has(id) ? 'upstream_failed' : fails(id) ? 'failed' : 'succeeded')
  }
  return statuses
}

function taskStatuses(world: World, run: string): [string, string][] {
  const records = [...world.memory.records.values()]
  return records.flatMap((record) => {
    const task = record as TaskRun
    return record.kind === 'taskRun' && task.run === run && !task.join
      ? [[task.taskId, task.status] as [string, string]]
      : []
  })
}

function statusesOf(world: World): Record<string, string> {
  return Object.fromEntries(
    world
      .runs()
      .flatMap((run) => taskStatuses(world, run.id).map(([id, status]) => [`${run.id} ${id}`, status])),
  )
}
