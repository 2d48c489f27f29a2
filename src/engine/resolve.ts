import type { Stored } from '../core/change.ts'
import { type Key, keys } from '../core/keys.ts'
import type { Ports } from '../core/ports/deciding.ts'
import { satisfiesDependents } from '../core/records/status.ts'
import type { TaskRun } from '../core/records/task-run.ts'
import { type Arrival, settleRunStatus, settleTaskRun } from '../core/settle.ts'
import { type Context, readStaleRecords, updateRecords } from './context.ts'

/** Tells every dependent of these ended tasks, one conditional write per dependent and batch. */
export async function resolveDependents({ ports }: Context, ended: Stored<TaskRun>[]): Promise<void> {
  if (ended.length === 0) return
  const arrivals = await gatherArrivals(ports, ended)
  const told = [...arrivals.keys()]
  // Bits are never unset, so one that is set in an old record is set.
  const records = await readStaleRecords(ports.store, told)
  const now = ports.clock.now()
  const updates = told.flatMap((key, index) => {
    const record = records[index]
    return record === undefined
      ? []
      : [{ key, record, decide: makeSettlingUpdate(arrivals.get(key) ?? [], now) }]
  })
  await updateRecords(ports.store, updates)
}

/** Arrivals by the key of the dependent. */
async function gatherArrivals(ports: Ports, ended: TaskRun[]): Promise<Map<Key<'task' | 'run'>, Arrival[]>> {
  const arrivals = new Map<Key<'task' | 'run'>, Arrival[]>()
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
        told.push({ bit, satisfied: satisfiesDependents(task.status) })
        arrivals.set(key, told)
      }
    })
  }
  return arrivals
}

/** What arrivals make of the node that depends on them: a task run, or the run itself. */
const makeSettlingUpdate = (arrivals: Arrival[], now: number) => (record: Stored) => {
  if (record.kind === 'taskRun') return settleTaskRun(record, arrivals, now)
  return record.kind === 'run' ? settleRunStatus(record, arrivals, now) : undefined
}
