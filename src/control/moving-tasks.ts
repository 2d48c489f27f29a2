import { LRUCache } from 'lru-cache'
import { keys } from '../core/keys.ts'
import type { Run } from '../core/records/run.ts'
import { hasTaskEnded, isRunOpen, type TaskStatus } from '../core/records/status.ts'
import type { TaskRun } from '../core/records/task-run.ts'
import type { Home } from './home.ts'

/** Numbers of one look at the store. */
const BLOCK = 1_000
/** Blocks of all runs together that are remembered. */
const KEPT_BLOCKS = 10_000

/** A block of numbers that are all there and have all ended: nothing of it changes any more. */
interface Settled {
  counts: { [status in TaskStatus]?: number }
  lastEndAt: number
}

/** What one look at the task runs of a run has found, joins left out. */
export interface MovingTasks {
  /** All that have not ended, and all that ended at or after the instant; others may be among them. */
  tasks: TaskRun[]
  counts: Settled['counts']
}

const caches = new WeakMap<Pick<Home, 'context'>, LRUCache<string, Settled>>()

/**
 * Task runs of a run without those that ended before an instant: a block of 1,000 whose tasks all did is not read again. The store
 * has no order of changes, so each other block is read whole.
 */
export async function readMovingTasks(
  home: Pick<Home, 'context'>,
  run: Run,
  since: number,
): Promise<MovingTasks> {
  const settled = caches.get(home) ?? new LRUCache<string, Settled>({ max: KEPT_BLOCKS })
  caches.set(home, settled)
  const found: MovingTasks = { tasks: [], counts: {} }
  for (let block = 0; block * BLOCK < (run.tasks ?? 0); block++) {
    const name = `${run.id} ${run.createdAt} ${block}`
    const known = settled.get(name)
    if (known !== undefined && known.lastEndAt < since) addCounts(found.counts, known.counts)
    else {
      const all = await readBlock(home, run, block)
      const tasks = all.filter(({ join }) => !join)
      const counts = countStatuses(tasks)
      for (const task of tasks) found.tasks.push(task)
      addCounts(found.counts, counts)
      if (all.length === BLOCK && all.every(({ status }) => hasTaskEnded(status)))
        settled.set(name, {
          counts,
          lastEndAt: tasks.reduce((last, { endedAt = 0 }) => Math.max(last, endedAt), 0),
        })
    }
  }
  return found
}

/** One look may miss recent writes of an open run, which the next look tells; what an ended run is told by may not. */
async function readBlock({ context }: Pick<Home, 'context'>, run: Run, block: number): Promise<TaskRun[]> {
  const listed = await context.ports.store.list({
    prefix: keys.taskRuns(run.id),
    limit: BLOCK,
    consistency: isRunOpen(run.status) ? 'stale' : 'strong',
    ...(block === 0 ? {} : { after: keys.taskRun(run.id, block * BLOCK - 1) }),
  })
  // Numbers of tasks that were yielded have gaps, so the next block may have begun.
  return listed.map(({ record }) => record).filter(({ number }) => number < (block + 1) * BLOCK)
}

function countStatuses(tasks: TaskRun[]): Settled['counts'] {
  const counts: Settled['counts'] = {}
  for (const { status } of tasks) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

function addCounts(to: Settled['counts'], counts: Settled['counts']): void {
  for (const [status, count] of Object.entries(counts) as [TaskStatus, number][])
    to[status] = (to[status] ?? 0) + count
}
