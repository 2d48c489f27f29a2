import { keys } from '../core/keys.ts'
import type { Run } from '../core/records/run.ts'
import { hasTaskEnded, isRunOpen, type TaskStatus } from '../core/records/status.ts'
import { readAllRuns } from './find-runs.ts'
import type { Home } from './home.ts'
import { MAX_TABLE_TASKS, readRunTable } from './run-table.ts'

/** A task of an open run that has not ended. */
export interface OpenTask {
  run: string
  number: number
  pool: string
  status: TaskStatus
}

/** Tasks of open runs that have not ended, by run and number. */
export async function listOpenTasks(home: Home): Promise<OpenTask[]> {
  const runs = (await readAllRuns(home)).filter(({ status }) => isRunOpen(status))
  const lists: OpenTask[][] = []
  for (const run of runs) lists.push(await listTasksOfRun(home, run))
  return lists.flat().filter(({ status }) => !hasTaskEnded(status))
}

async function listTasksOfRun(home: Home, run: Run): Promise<OpenTask[]> {
  if ((run.tasks ?? 0) <= MAX_TABLE_TASKS) {
    const { numbers, pool, status } = await readRunTable(home, run)
    return numbers.map((number) => {
      return { run: run.id, number, pool: pool[number] ?? '', status: status[number] ?? 'pending' }
    })
  }
  const listed = await home.context.ports.store.list({
    prefix: keys.taskRuns(run.id),
    consistency: 'stale',
  })
  return listed.map(({ record }) => record).filter(({ join }) => !join)
}
