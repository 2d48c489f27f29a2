import type { TaskIndex } from './indexes.ts'
import type { LuigiTask } from './task.ts'

/** What a worker still has to do: the client decides by it how long it stays. */
export interface PendingCounts {
  /** Tasks that this worker can run and that are pending or failed. */
  pending: number
  /** Of those, tasks that no other worker can run. */
  unique: number
  /** Of those, tasks of which this worker was the last to say that it can run them. */
  lastScheduled: number
}

interface Counts extends PendingCounts {
  /** Pending tasks that need resources. */
  withResources: number
}

/** Counts for each worker of what it still has to do, without looking at any task. */
export class PendingCounter implements TaskIndex {
  readonly fields = ['status', 'workers', 'resources'] as const
  readonly #counts = new Map<string, Counts>()

  /** The counts of a worker. */
  of(worker: string): PendingCounts {
    return this.#counts.get(worker) ?? NONE
  }

  /** Whether a pending task of this worker needs resources. */
  hasResources(worker: string): boolean {
    return (this.#counts.get(worker)?.withResources ?? 0) > 0
  }

  add(task: LuigiTask): void {
    this.#count(task, 1)
  }

  remove(task: LuigiTask): void {
    this.#count(task, -1)
  }

  #count(task: LuigiTask, step: 1 | -1): void {
    if (task.status !== 'PENDING' && task.status !== 'FAILED') return
    const withResources = task.status === 'PENDING' && Object.keys(task.resources).length > 0
    for (const [worker, counted] of listPendingOf(task)) {
      const counts = this.#counts.get(worker) ?? { ...NONE, withResources: 0 }
      counts.pending += step * counted.pending
      counts.unique += step * counted.unique
      counts.lastScheduled += step * counted.lastScheduled
      if (withResources) counts.withResources += step
      if (counts.pending === 0) this.#counts.delete(worker)
      else this.#counts.set(worker, counts)
    }
  }
}

const NONE: PendingCounts = { pending: 0, unique: 0, lastScheduled: 0 }

/** What one pending or failed task adds to the counts of each of its workers. */
export function* listPendingOf({ workers }: LuigiTask): Generator<[worker: string, counts: PendingCounts]> {
  let place = 0
  for (const worker of workers) {
    place++
    yield [
      worker,
      { pending: 1, unique: workers.size === 1 ? 1 : 0, lastScheduled: place === workers.size ? 1 : 0 },
    ]
  }
}
