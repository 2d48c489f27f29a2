import type { Stored } from '../core/change.ts'
import { isSatisfied, keys, type Run, type TaskRun } from '../core/model.ts'
import { type Arrival, settleRun, settleTask } from '../core/settle.ts'
import { type Context, update } from './context.ts'

/** Tells every dependent of these ended tasks, one conditional write per dependent and batch. */
export async function resolve(context: Context, ended: Stored<TaskRun>[]): Promise<void> {
  const arrivals = await gather(context, ended)
  const told = [...arrivals.keys()]
  const records = await context.ports.store.read(told)
  await Promise.all(told.map((key, index) => tell(context, key, records[index], arrivals.get(key) ?? [])))
}

/** Arrivals by the key of the dependent. */
async function gather({ ports }: Context, ended: TaskRun[]): Promise<Map<string, Arrival[]>> {
  const arrivals = new Map<string, Arrival[]>()
  for (const [run, tasks] of Map.groupBy(ended, (task) => task.run)) {
    const header = await ports.plans.header(run)
    const planned = await ports.plans.tasks(
      run,
      tasks.map((task) => task.number),
    )
    tasks.forEach((task, index) => {
      for (const [number, bit] of planned[index]?.dependents ?? []) {
        const key = number === header?.size ? keys.run(run) : keys.taskRun(run, number)
        const told = arrivals.get(key) ?? []
        told.push({ bit, satisfied: isSatisfied(task.status) })
        arrivals.set(key, told)
      }
    })
  }
  return arrivals
}

async function tell(
  { ports }: Context,
  key: string,
  record: Stored | undefined,
  arrivals: Arrival[],
): Promise<void> {
  const now = ports.clock.now()
  if (record?.kind === 'taskRun')
    await update(ports.store, key, record as Stored<TaskRun>, (task) => settleTask(task, arrivals, now))
  if (record?.kind === 'run')
    await update(ports.store, key, record as Stored<Run>, (run) => settleRun(run, arrivals, now))
}
