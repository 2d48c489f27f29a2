import { type FoundTask, numberPlan } from '../../src/core/graph.ts'
import { isOpen, type Run } from '../../src/core/model.ts'
import type { Ports } from '../../src/core/ports.ts'
import type { Context, Settings } from '../../src/engine/context.ts'
import { startLoops } from '../../src/engine/loops.ts'
import { findConflicts, type Making, recordMakers } from '../../src/engine/makers.ts'
import { openRun } from '../../src/engine/open-run.ts'
import { findTasks } from '../../src/engine/plan-graph.ts'
import { Worker } from '../../src/engine/work.ts'
import { hostPorts } from './host-ports.ts'
import { type SimRequest, type SimTask, toFound } from './project.ts'
import type { World } from './world.ts'

/** Changes the ports of a host, to see that the checks can fail. */
export type Sabotage = (ports: Ports) => Ports

/** What a host is asked for, and how. */
export interface Project {
  requests: SimRequest[]
  /** Some targets may be wanted by several tasks, so it is noted which of them makes each. */
  notesMakers: boolean
  maxFanIn: number
  auditMs: number
  /** How many records one step looks at. */
  page?: number
}

/** Durations and sizes of every host. */
export const SETTINGS = {
  leaseMs: 30_000,
  heartbeatMs: 5_000,
  skewMs: 120_000,
  defaultMemoryMb: 1_000,
  largestMemoryMb: 4_000,
}

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
  const loops = startLoops(context, new Worker(context, { concurrency: 2 }), (count) => {
    if (!scheduler.hasStoodStill) world.violate(`an audit repaired ${count} records`)
  })
  for (const request of project.requests) await openOnce(world, context, project, request)
  await loops.failed
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
  if (runs.some(({ record }) => !isOpen((record as unknown as Run).status))) return
  await ask(world, context, project, request)
}

/** Opens or joins the run of a request; undefined if it is refused, because another task makes one of its targets. */
export async function ask(
  world: World,
  context: Context,
  { maxFanIn, notesMakers }: Project,
  { name, root }: SimRequest,
): Promise<string | undefined> {
  const request = { name, family: root.id, params: {}, significant: {} }
  const { clock } = context.ports
  try {
    const { run } = await openRun(context, request, async () => {
      const found = await findTasks([root], definitionsOn(context))
      if (notesMakers) await refuseOtherMakers(context, found)
      return numberPlan(name, found, clock.now(), maxFanIn)
    })
    return run
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    world.refused.add(name)
    return undefined
  }
}

/** A request that is refused. */
class Refused extends Error {}

/** Looks who makes the targets of a plan, then notes who does, as planning does. */
async function refuseOtherMakers({ ports }: Context, found: FoundTask[]): Promise<void> {
  const made = found.filter(({ policy }) => policy.external === undefined)
  const makings = made.flatMap(({ id, family, params, label, outputs }): Making[] =>
    outputs.map((uri) => ({ uri, taskId: id, family, params, label })),
  )
  const complete = new Set(made.filter((each) => each.complete).map(({ id }) => id))
  const conflicts = await findConflicts(ports.store, makings, () => true)
  const open = makings.filter(({ taskId }) => !complete.has(taskId))
  conflicts.push(...(await recordMakers(ports.store, open, () => true)))
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
