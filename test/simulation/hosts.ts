import { numberPlan } from '../../src/core/graph.ts'
import { isOpen, type Run } from '../../src/core/model.ts'
import type { Ports } from '../../src/core/ports.ts'
import type { Context, Settings } from '../../src/engine/context.ts'
import { startLoops } from '../../src/engine/loops.ts'
import { openRun } from '../../src/engine/open-run.ts'
import { findTasks } from '../../src/engine/plan-graph.ts'
import { Worker } from '../../src/engine/work.ts'
import { hostPorts } from './host-ports.ts'
import { type SimTask, toFound } from './project.ts'
import type { World } from './world.ts'

/** Changes the ports of a host, to see that the checks can fail. */
export type Sabotage = (ports: Ports) => Ports

/** What a host is asked for, and how. */
export interface Project {
  roots: SimTask[]
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
  const ports = hostPorts(world, host, (world.scheduler.random() - 0.5) * skewMs)
  return {
    ports,
    settings: { worker: host, limits: world.limits, ...SETTINGS, skewMs, ...more },
  }
}

async function liveHost(world: World, context: Context, { roots, maxFanIn }: Project): Promise<void> {
  const { scheduler } = world
  const loops = startLoops(context, new Worker(context, { concurrency: 2 }), (count) => {
    if (!scheduler.hasStoodStill) world.violate(`an audit repaired ${count} records`)
  })
  for (const [index, root] of roots.entries()) await openOnce(context, `run${index}`, root, maxFanIn)
  await loops.failed
}

/** Asks for the run, as the same command would after a crash; one that has ended is not asked for again. */
async function openOnce(context: Context, name: string, root: SimTask, maxFanIn: number): Promise<void> {
  const { store } = context.ports
  const runs = await store.list({ prefix: `run/${name}-`, consistency: 'strong' })
  if (runs.some(({ record }) => !isOpen((record as unknown as Run).status))) return
  await openRootRun(context, name, root, maxFanIn)
}

/** Opens or joins the run of a root task. */
export async function openRootRun(
  context: Context,
  name: string,
  root: SimTask,
  maxFanIn: number,
): Promise<void> {
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
