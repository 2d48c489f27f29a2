import type { Stored } from '../core/change.ts'
import { keys, type Run, type TaskRun } from '../core/model.ts'
import type { PlannedTask } from '../core/plan.ts'
import { briefly } from '../core/retry.ts'
import { startOrEnd } from '../core/settle.ts'
import { type Context, writeEach } from './context.ts'

const CHUNK = 500

/** Queues the next ready tasks of a run; counting them brings the run back through the feed until all are out. */
export async function releaseChunk({ ports }: Context, run: Stored<Run>): Promise<void> {
  const header = await ports.plans.header(run.id)
  const released = run.released ?? 0
  const numbers = header?.ready.slice(released, released + CHUNK) ?? []
  if (numbers.length === 0) return
  const planned = await ports.plans.tasks(run.id, numbers)
  const records = await ports.store.read(numbers.map((number) => keys.taskRun(run.id, number)))
  const now = ports.clock.now()
  const changes = planned.flatMap((task, index) => {
    const record = records[index] as Stored<TaskRun> | undefined
    if (record?.status !== 'pending') return []
    const key = keys.taskRun(run.id, task.number)
    return [{ key, set: firstMove(task, record, now), if: { status: 'pending' } }]
  })
  await writeEach(ports.store, changes)
  await ports.store.write([
    {
      key: keys.run(run.id),
      set: { released: released + numbers.length },
      if: { released, status: 'running' },
    },
  ])
}

/** A task whose definition threw while planning fails now, and takes only its dependents along. */
export function firstMove(task: PlannedTask, record: TaskRun, now: number): Partial<TaskRun> {
  if (task.failure === undefined) return startOrEnd(record, now)
  return { status: 'failed', failure: briefly(task.failure), endedAt: now }
}
