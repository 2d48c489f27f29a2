import type { FoundTask } from '../../src/core/graph.ts'
import { isOpen, type Run, type TaskRun } from '../../src/core/model.ts'
import type { Ports } from '../../src/core/ports.ts'
import { cancelRun } from '../../src/engine/cancel.ts'
import type { Context } from '../../src/engine/context.ts'
import { startLoops } from '../../src/engine/loops.ts'
import { openRun } from '../../src/engine/open-run.ts'
import { planGraph } from '../../src/engine/plan-graph.ts'
import { Worker } from '../../src/engine/work.ts'
import { type Faults, Scheduler } from './scheduler.ts'
import { type Script, World, wasPlanned } from './world.ts'

/** A task of the simulated project; upstreams come before it. */
interface SimTask {
  id: string
  upstreams: SimTask[]
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
const SETTINGS = { leaseMs: 30_000, heartbeatMs: 5_000, skewMs: 120_000 }
/** Audits must do no harm; but half of the seeds do without, so that they hide nothing. */
const auditMsOf = (seed: number) => (seed % 2 === 0 ? 45_000 : Number.POSITIVE_INFINITY)
const RETRY = { attempts: 3, delayMs: 10_000, backoff: 'exponential' as const }

/** Runs the whole engine for one seed. Every tenth seed is without faults: then every body has to run exactly once. */
export async function simulate(seed: number, sabotage: Sabotage = (ports) => ports): Promise<Outcome> {
  const isCalm = seed % 10 === 0
  const scheduler = new Scheduler(seed, isCalm ? NO_FAULTS : FAULTS)
  const tasks = randomGraph(scheduler.random)
  const scripts = new Map(tasks.map((task) => [task.id, randomScript(scheduler.random, isCalm)]))
  const world = new World(scheduler, scripts)
  const roots = [
    tasks.at(-1),
    tasks.at(-1 - Math.floor(scheduler.random() * Math.min(3, tasks.length))),
  ] as SimTask[]
  const cancels = !isCalm && scheduler.random() < 0.15
  let started = 0
  const boot = () => startHost(world, `h${started++}`, roots, auditMsOf(seed), sabotage)
  for (let host = 0; host < HOSTS; host++) boot()
  for (let steps = 0; !isAtRest(world, roots); steps++) {
    if (steps === MAX_STEPS) {
      world.violations.push(`not at rest after ${MAX_STEPS} steps`)
      break
    }
    if (started - scheduler.dead.size < HOSTS) boot()
    if (cancels && steps === 300) cancelSomeRun(world)
    await scheduler.step()
    world.check()
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

/** Wide, deep and diamond-shaped graphs, and anything between. */
function randomGraph(random: () => number): SimTask[] {
  const size = 1 + Math.floor(random() * 12)
  const reach = random() < 0.3 ? 1 : random() < 0.5 ? 3 : size
  const tasks: SimTask[] = []
  for (let index = 0; index < size; index++) {
    const wanted = index === size - 1 ? size : Math.floor(random() * 4)
    const near = tasks.slice(-reach)
    const upstreams = near.filter(() => random() < wanted / Math.max(1, near.length))
    tasks.push({ id: `t${index}`, upstreams })
  }
  return tasks
}

function randomScript(random: () => number, isCalm: boolean): Script {
  const durationMs = random() < 0.1 ? 90_000 : 5_000 * random()
  const fate = random()
  const failures = isCalm || fate < 0.7 ? 0 : fate < 0.9 ? 1 : Number.POSITIVE_INFINITY
  return { failures, durationMs }
}

function startHost(world: World, host: string, roots: SimTask[], auditMs: number, sabotage: Sabotage): void {
  const skewMs = (world.scheduler.random() - 0.5) * SETTINGS.skewMs
  const context: Context = {
    ports: sabotage(world.portsOf(host, skewMs)),
    settings: { worker: host, auditMs, ...SETTINGS },
  }
  void liveHost(context, roots).catch((error: Error) => world.violations.push(`${host}: ${error.stack}`))
}

async function liveHost(context: Context, roots: SimTask[]): Promise<void> {
  const loops = startLoops(context, new Worker(context, { concurrency: 2 }))
  for (const [index, root] of roots.entries()) await openOnce(context, `run${index}`, root)
  await loops.failed
}

/** Asks for the run, as the same command would after a crash; one that has ended is not asked for again. */
async function openOnce(context: Context, name: string, root: SimTask): Promise<void> {
  const request = { name, family: root.id, params: {}, significant: {} }
  const { store, clock } = context.ports
  const runs = await store.list({ prefix: `run/${name}-`, consistency: 'strong' })
  if (runs.some(({ record }) => !isOpen((record as unknown as Run).status))) return
  await openRun(context, request, () => planGraph(name, root, definitionsOn(context), clock.now()))
}

function definitionsOn(context: Context) {
  const toFound = (task: SimTask): FoundTask => ({
    id: task.id,
    family: task.id,
    params: {},
    label: task.id,
    requires: task.upstreams.map((each) => each.id),
    upstreams: task.upstreams.map((each) => each.id),
    outputs: [`file:///${task.id}`],
    policy: { retry: RETRY, fresh: 'run', secrets: {} },
  })
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

function cancelSomeRun(world: World): void {
  const [run] = world.runs()
  if (run === undefined) return
  const context = {
    ports: world.portsOf('canceller', 0),
    settings: { worker: 'canceller', auditMs: 0, ...SETTINGS },
  }
  void cancelRun(context, run as never)
}

/** Every request has been answered, every run has ended, and nothing is left to be handled. */
function isAtRest(world: World, roots: SimTask[]): boolean {
  const runs = world.runs()
  const names = new Set(runs.map((run) => run.name))
  if (names.size < roots.length || runs.some((run) => isOpen(run.status))) return false
  if (world.scheduler.isAnyoneFrozen) return false
  return [...world.memory.records.values()].every(
    (record) =>
      (record.kind !== 'lock' || record.holder === undefined) &&
      record.kind !== 'wait' &&
      (record.kind !== 'taskRun' || record.status !== 'running'),
  )
}

/** The end has to be that of a naive sequential run. */
function compare(world: World, tasks: SimTask[], scripts: Map<string, Script>, isCalm: boolean): void {
  world.checkRest()
  const wanted = reference(tasks, scripts)
  for (const run of world.runs().filter(wasPlanned))
    for (const [id, status] of taskStatuses(world, run.id)) {
      const got = status === 'complete' ? 'succeeded' : status
      if (run.cancelledAt === undefined && got !== wanted.get(id))
        world.violations.push(`${run.id} ${id} is ${status}, not ${wanted.get(id)}`)
    }
  if (isCalm && new Set(world.bodies).size !== world.bodies.length)
    world.violations.push(`without faults a body ran twice: ${world.bodies.join(' ')}`)
}

/** Each task once, in order. */
function reference(tasks: SimTask[], scripts: Map<string, Script>): Map<string, string> {
  const statuses = new Map<string, string>()
  for (const { id, upstreams } of tasks) {
    const isBlocked = upstreams.some((each) => statuses.get(each.id) !== 'succeeded')
    const fails = (scripts.get(id)?.failures ?? 0) >= RETRY.attempts
    statuses.set(id, isBlocked ? 'upstream_failed' : fails ? 'failed' : 'succeeded')
  }
  return statuses
}

function taskStatuses(world: World, run: string): [string, string][] {
  const records = [...world.memory.records.values()]
  return records.flatMap((record) => {
    const task = record as TaskRun
    return record.kind === 'taskRun' && task.run === run
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
