import type { Span } from '../../src/core/calendar.ts'
import { type FoundTask, numberPlanTasks } from '../../src/core/graph.ts'
import type { Params } from '../../src/core/json.ts'
import type { PlannedTask } from '../../src/core/plan.ts'
import type { Ports } from '../../src/core/ports/deciding.ts'
import type { Run } from '../../src/core/records/run.ts'
import { isRunOpen } from '../../src/core/records/status.ts'
import type { TaskRun } from '../../src/core/records/task-run.ts'
import type { Context, Settings } from '../../src/engine/context.ts'
import { startEngineLoops } from '../../src/engine/loops.ts'
import { findMakerConflicts, type Making, recordTargetMakers } from '../../src/engine/makers.ts'
import { findOpenRun, joinOrOpenRun, type RunRequest } from '../../src/engine/open-run.ts'
import { findRequiredTasks } from '../../src/engine/plan-graph.ts'
import { Worker, type WorkOptions } from '../../src/engine/work.ts'
import { hostPorts } from './host-ports.ts'
import type { Intervals } from './intervals.ts'
import { type SimRequest, type SimTask, toFound } from './project.ts'
import type { Schedules, StartScheduled } from './schedules.ts'
import type { World } from './world.ts'

/** Changes the ports of a host, to see that the checks can fail. */
export type Sabotage = (ports: Ports) => Ports

/** What a host is asked for, and how. */
export interface Project {
  requests: SimRequest[]
  /** Some targets may be wanted by several tasks, so it is noted which of them makes each. */
  notesMakers: boolean
  changesDefinitions: boolean
  /** Workers hand on, and are cut at it. */
  handsOn: boolean
  cutsHandOns: boolean
  maxFanIn: number
  auditMs: number
  /** How many records one step looks at. */
  page?: number
  intervals: Intervals
  schedules?: Schedules
}

/** Durations and sizes of every host. */
export const SETTINGS = {
  leaseMs: 30_000,
  heartbeatMs: 5_000,
  skewMs: 120_000,
  defaultMemoryMb: 1_000,
  largestMemoryMb: 4_000,
}

/** For how long a host goes on with what it makes ready. */
const HANDING_ON_MS = 60_000
/** What comes after the look at what is ready takes about so many effects, among others of its host. */
const CUT_WITHIN = 12
/** How often a host looks whether definitions have changed. */
const READ_MS = 4_000
const DAY_MS = 86_400_000
/** What backfills fill. */
export const FILLED = 'filled'

/** Starts an engine that works, and asks for the runs of the project. */
export function startHost(world: World, host: string, project: Project, sabotage: Sabotage): void {
  const context = contextOf(world, host, {
    auditMs: project.auditMs,
    ...(project.page && { page: project.page }),
  })
  const sabotaged = { ...context, ports: sabotage(context.ports) }
  void liveHost(world, sabotaged, project).catch((error: Error) =>
    world.violations.push(`${host}: ${error.stack}`),
  )
}

/** The context of a host with a clock of its own. */
export function contextOf(
  world: World,
  host: string,
  more: Pick<Settings, 'auditMs'> & Partial<Settings>,
): Context {
  const skewMs = world.state.isOneMachine ? 0 : SETTINGS.skewMs
  return {
    ...hostPorts(world, host, (world.scheduler.random() - 0.5) * skewMs),
    settings: { worker: host, limits: world.limits, ...SETTINGS, skewMs, ...more },
  }
}

async function liveHost(world: World, context: Context, project: Project): Promise<void> {
  const { scheduler } = world
  const host = context.settings.worker
  const worker = new Worker(context, { concurrency: 2, ...handingOn(world, host, project) })
  const loops = startEngineLoops(context, worker, (count) => {
    if (!scheduler.hasStoodStill) world.violate(`an audit repaired ${count} records`)
  })
  const start: StartScheduled = (by, name, { start, end, lastRun }) =>
    startInterval(world, by, project, name, { start, end }, lastRun === undefined ? {} : { lastRun })
  for (const request of project.requests) await openOnce(world, context, project, request)
  await loops.wait(
    Promise.race(
      [
        project.changesDefinitions && readDefinitions(world, host, context, worker),
        project.schedules?.tickOn(host, context, start),
      ].filter((each) => each instanceof Promise),
    ),
  )
}

/** A host goes on with nearly all tasks that it makes ready; in some worlds it dies on the way. */
function handingOn(world: World, host: string, { handsOn, cutsHandOns }: Project): Partial<WorkOptions> {
  if (!handsOn) return {}
  const { scheduler, watch } = world
  const mayRun = (_: PlannedTask, task: TaskRun) => {
    watch.handsOn(host, task)
    if (cutsHandOns) scheduler.killWithin(host, CUT_WITHIN)
    return scheduler.random() < 0.9
  }
  return { handOn: { forMs: HANDING_ON_MS, mayRun } }
}

/** Asks for the run, as the same command would after a crash; one that has ended is not asked for again. */
async function openOnce(
  world: World,
  context: Context,
  project: Project,
  request: SimRequest,
): Promise<void> {
  const { store } = context.ports
  const runs = await store.list({ prefix: `run/${request.name}-`, consistency: 'strong' })
  if (runs.some(({ record }) => !isRunOpen((record as unknown as Run).status))) return
  await ask(world, context, project, request)
}

/** Opens or joins the run of a request; undefined if it is refused, because another task makes one of its targets. */
export async function ask(
  world: World,
  context: Context,
  { maxFanIn, notesMakers }: Project,
  asked: SimRequest,
): Promise<string | undefined> {
  const { name, root } = asked
  const request = requestOf(asked)
  const { clock } = context.ports
  try {
    const { run } = await joinOrOpenRun(context, request, async () => {
      const found = await findRequiredTasks([root], definitionsOn(context))
      if (notesMakers) await refuseOtherMakers(context, found)
      return numberPlanTasks(name, found, clock.now(), maxFanIn)
    })
    return run
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    world.refused.add(name)
    return undefined
  }
}

/** Opens or joins the run of an interval; undefined if it is complete. As `joinOrStartRun` does. */
export async function startInterval(
  world: World,
  context: Context,
  project: Project,
  name: string,
  span: Span,
  schedule?: RunRequest['schedule'],
): Promise<string | undefined> {
  const found = project.intervals.requestFor(name, span, isLate(name, span))
  const request = schedule === undefined ? found : { ...found, schedule }
  if ((await findOpenRun(context, requestOf(request))) === undefined) {
    const [complete] = await definitionsOn(context).areComplete([request.root])
    if (complete) return undefined
  }
  return ask(world, context, project, request)
}

/** Every other interval of a backfill waits for a target that another system makes. */
const isLate = (name: string, { start }: Span) => name === FILLED && (start / DAY_MS) % 2 === 0

function requestOf({ name, root, interval, schedule }: SimRequest): RunRequest {
  const significant: Params = interval === undefined ? {} : { at: interval.start, until: interval.end }
  return {
    name,
    family: root.id,
    params: significant,
    significant,
    ...(interval && { interval }),
    ...(schedule && { schedule }),
  }
}

/** A host reads the definitions anew, as `sluice dev` does. */
async function readDefinitions(world: World, host: string, context: Context, worker: Worker): Promise<void> {
  const { clock } = context.ports
  for (;;) {
    if (world.definitions.readAnew(host, clock.now())) worker.redefined()
    await clock.sleep(READ_MS)
  }
}

/** A request that is refused. */
class Refused extends Error {}

/** Looks who makes the targets of a plan, then notes who does, as planning does. */
async function refuseOtherMakers({ ports }: Context, found: FoundTask[]): Promise<void> {
  const made = found.filter(({ policy }) => policy.external === undefined)
  const makings = made.flatMap((task): Making[] => task.outputs.map((uri) => ({ uri, task })))
  const complete = new Set(made.filter((each) => each.complete).map(({ id }) => id))
  const conflicts = await findMakerConflicts(ports.store, makings, () => true)
  const open = makings.filter(({ task }) => !complete.has(task.id))
  conflicts.push(...(await recordTargetMakers(ports.store, open, () => true)))
  if (conflicts.length > 0) throw new Refused()
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
