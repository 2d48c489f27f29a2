import { LRUCache } from 'lru-cache'
import { keys } from '../core/keys.ts'
import type { Run } from '../core/records/run.ts'
import { isRunOpen, type TaskStatus } from '../core/records/status.ts'
import type { TaskRun } from '../core/records/task-run.ts'
import { makeTaskRun } from '../engine/create-run.ts'
import { listReadyNumbers } from '../engine/release.ts'
import type { Home } from './home.ts'

// Apart from what finds and shows tasks, because a command that only works on a run counts them as well.

/** Records of a run that are read at once. */
export const TASK_PAGE = 1_000

/** The numbers of tasks. */
export const listTaskNumbers = (tasks: readonly TaskRun[]): number[] => tasks.map(({ number }) => number)

/**
 * Pages of a run's task runs after a number, joins left out. Tasks of an open run that the engine has yet to put are
 * among them, as it will put them.
 */
export async function* readTaskRunPages(
  home: Home,
  run: Run,
  after = -1,
  size = TASK_PAGE,
): AsyncGenerator<TaskRun[]> {
  const { store, plans } = home.context.ports
  const unput = run.status === 'running' ? await listReadyNumbers(home.context.ports, run) : []
  for (let from = after; ; ) {
    const listed = await store.list({
      prefix: keys.taskRuns(run.id),
      limit: size,
      consistency: 'strong',
      ...(from < 0 ? {} : { after: keys.taskRun(run.id, from) }),
    })
    const tasks = listed.map(({ record }) => record)
    const to = listed.length < size ? Number.POSITIVE_INFINITY : (tasks.at(-1)?.number ?? 0)
    const put = new Set(listTaskNumbers(tasks))
    const missing = unput.filter((number) => number > from && number <= to && !put.has(number))
    const made = (await plans.tasks(run.id, missing)).map((task) => makeTaskRun(run.id, task, () => true))
    yield [...tasks, ...made].filter(({ join }) => !join).sort((a, b) => a.number - b.number)
    if (to === Number.POSITIVE_INFINITY) return
    from = to
  }
}

type TaskCounts = Partial<Record<TaskStatus, number>>

/** Counts of runs that have ended, which are final. */
const finalCounts = new WeakMap<Home, LRUCache<string, TaskCounts>>()
const KEPT_COUNTS = 1_000

/** How many tasks of a run are in each status. A run that has ended is counted once. */
export async function countTasks(home: Home, run: Run): Promise<TaskCounts> {
  const cache = finalCounts.get(home) ?? new LRUCache<string, TaskCounts>({ max: KEPT_COUNTS })
  finalCounts.set(home, cache)
  const key = `${run.id} ${run.createdAt}`
  const counts: TaskCounts = { ...cache.get(key) }
  if (cache.has(key)) return counts
  for await (const page of readTaskRunPages(home, run))
    for (const { status } of page) counts[status] = (counts[status] ?? 0) + 1
  if (!isRunOpen(run.status)) cache.set(key, { ...counts })
  return counts
}
