import type { Stored } from '../core/change.ts'
import { keys, type Run, type TaskRun } from '../core/model.ts'
import type { PlannedTask } from '../core/plan.ts'
import { briefly } from '../core/retry.ts'
import { type Context, writeEach } from './context.ts'

const CHUNK = 500

/** Queues the next ready tasks of a run; counting them brings the run back through the feed until all are out. */
export async function releaseChunk({ ports }: Context, run: Stored<Run>): Promise<void> {
  const header = await ports.plans.header(run.id)
  const released = run.released ?? 0
  const numbers = header?.ready.slice(released, released + CHUNK) ?? []
  if (numbers.length === 0) return
  const planned = await ports.plans.tasks(run.id, numbers)
  const now = ports.clock.now()
  await writeEach(
    ports.store,
    planned.map((task) => ({
      key: keys.taskRun(run.id, task.number),
      set: firstMove(task, now),
      if: { status: 'pending' },
    })),
  )
  await ports.store.write([
    {
      key: keys.run(run.id),
      set: { released: released + numbers.length },
      if: { released, status: 'running' },
    },
  ])
}

/**
 * What becomes of a task without upstreams that have to run. One whose definition threw while planning fails now, and
 * takes only its dependents along.
 */
export function firstMove(task: PlannedTask, now: number): Partial<TaskRun> {
  if (task.failure !== undefined) return { status: 'failed', failure: briefly(task.failure), endedAt: now }
  return task.join ? { status: 'succeeded', endedAt: now } : { status: 'queued' }
}
