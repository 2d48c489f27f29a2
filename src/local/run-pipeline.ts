import type { Stored } from '../core/change.ts'
import { isOpen, keys, type Run, type TaskRun } from '../core/model.ts'
import type { Plan } from '../core/plan.ts'
import { planningOf } from '../define/planning.ts'
import type { TaskInstance } from '../define/task.ts'
import { audit } from '../engine/audit.ts'
import { type Loops, startLoops } from '../engine/loops.ts'
import { planGraph } from '../engine/plan-graph.ts'
import { type WorkEvents, Worker } from '../engine/work.ts'
import type { Home } from './home.ts'

/** Plans a root task over the home's storage. */
export function makePlan(home: Home, name: string, root: TaskInstance): Promise<Plan> {
  return planGraph(name, root, planningOf(home.surroundings), home.context.ports.clock.now())
}

/** Whether a root task's targets are there, so that nothing has to be done. */
export async function isComplete(home: Home, root: TaskInstance): Promise<boolean> {
  return (await planningOf(home.surroundings).areComplete([root]))[0] === true
}

/** Makes a run that was left behind go on at once. */
export async function resumeRun({ context }: Home, run: string): Promise<void> {
  const [record] = await context.ports.store.read([keys.run(run)])
  if (record?.kind === 'run') await audit(context, record)
}

/** How following a run ended. */
export type FollowEnd = 'ended' | 'waiting' | 'stopped'

/** How a run is followed. */
export interface FollowOptions extends WorkEvents {
  run: string
  concurrency: number
  /** Gives up when nothing could start for this time. */
  waitMs: number
  /** Aborted to stop gracefully. */
  signal: AbortSignal
}

/** Works on one run until it ends, waits for too long, or is stopped; the run goes on with the next call. */
export async function followRun(home: Home, options: FollowOptions): Promise<FollowEnd> {
  const worker = new Worker(home.context, { ...options, runs: () => [options.run] })
  const loops = startLoops(home.context, worker)
  const end = await untilEnd(home, options, worker, loops)
  await Promise.race([loops.stop(), loops.failed])
  return end
}

async function untilEnd(
  home: Home,
  { run, waitMs, signal }: FollowOptions,
  worker: Worker,
  loops: Loops,
): Promise<FollowEnd> {
  const { store, clock } = home.context.ports
  const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  let idleSince = clock.now()
  while (!signal.aborted) {
    const [record] = await store.read([keys.run(run)])
    if (record === undefined || !isOpen((record as Stored<Run>).status)) return 'ended'
    if (worker.running > 0) idleSince = clock.now()
    if (clock.now() - idleSince >= waitMs) {
      if (!(await someoneWorks(home, run))) return 'waiting'
      idleSince = clock.now()
    }
    await Promise.race([clock.idle(500), stopped, loops.failed])
  }
  return 'stopped'
}

async function someoneWorks(home: Home, run: string): Promise<boolean> {
  const tasks = await home.context.ports.store.list({
    prefix: keys.taskRuns(run),
    consistency: 'strong',
  })
  return tasks.some(({ record }) => (record as Stored<TaskRun>).status === 'running')
}
