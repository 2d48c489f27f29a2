import { countSetBits, setBitmapBits } from './bitmap.ts'
import type { Run } from './records/run.ts'
import type { Node, TaskRun } from './records/task-run.ts'

/** An upstream that has ended, by its bit at the node that depends on it. */
export interface Arrival {
  bit: number
  satisfied: boolean
}

/** The node's bitmaps after these arrivals, or undefined if they say nothing new. */
function arrive(node: Node, arrivals: Arrival[]): Pick<Node, 'ended' | 'failed'> | undefined {
  const ended = setBitmapBits(
    node.ended,
    arrivals.map((each) => each.bit),
  )
  if (ended === node.ended) return undefined
  const failed = setBitmapBits(
    node.failed,
    arrivals.filter((each) => !each.satisfied).map((each) => each.bit),
  )
  return { ended, failed }
}

const allEnded = (node: Node) => countSetBits(node.ended) === node.upstreams
const noneFailed = (node: Node) => countSetBits(node.failed) === 0

/**
 * What to write on a task run whose upstreams ended; undefined if nothing changes.
 * Idempotent: arrivals that were counted before are no news.
 */
export function settleTaskRun(task: TaskRun, arrivals: Arrival[], now: number): Partial<TaskRun> | undefined {
  const bits = arrive(task, arrivals)
  if (bits === undefined) return undefined
  const node = { ...task, ...bits }
  if ((task.status !== 'pending' && task.status !== 'expanding') || !allEnded(node)) return bits
  return { ...bits, ...decideStartOrEnd(node, now) }
}

/** What becomes of a pending or expanding task all of whose upstreams have ended. */
export function decideStartOrEnd(task: TaskRun, now: number): Partial<TaskRun> {
  if (!noneFailed(task)) return { status: 'upstream_failed', endedAt: now }
  return task.join || task.endsWithYield
    ? { status: 'succeeded', endedAt: now }
    : { status: 'queued', readyAt: now }
}

/** The same for the run itself; a run that is being cancelled ends by its sweep instead. */
export function settleRunStatus(run: Run, arrivals: Arrival[], now: number): Partial<Run> | undefined {
  const bits = arrive(run, arrivals)
  if (bits === undefined) return undefined
  const node = { ...run, ...bits }
  if (run.status !== 'running' || run.cancelledAt !== undefined || !allEnded(node)) return bits
  return { ...bits, status: noneFailed(node) ? 'succeeded' : 'failed', endedAt: now }
}
