import type { Change } from '../core/change.ts'
import { type Attempt, keys, type TaskRun } from '../core/model.ts'
import type { Ending } from '../core/ports.ts'
import { afterAttempt } from '../core/retry.ts'
import type { Claimed } from './claim.ts'
import type { Context } from './context.ts'

/**
 * Writes the end of an attempt: the task run, and what it leaves behind (a marker, or the story of a failure).
 * False where the attempt was no longer ours (or `onlyIf` does not hold); then nothing was written.
 */
export async function finish(
  { ports }: Context,
  claimed: Claimed,
  ending: Ending,
  onlyIf: Partial<TaskRun> = {},
): Promise<boolean> {
  const { task, planned, nonce } = claimed
  const now = ports.clock.now()
  const next = afterAttempt(task, ending, planned.policy.retry, now, ports.chance.random())
  const changes: Change[] = [
    {
      key: keys.taskRun(task.run, task.number),
      set: { ...next, peakMemoryBytes: ending.peakMemoryBytes },
      if: { status: 'running', attempt: task.attempt, nonce, ...onlyIf },
    },
  ]
  if (ending.outcome !== 'succeeded')
    changes.push({
      key: keys.attempt(task.run, task.number, task.attempt),
      put: storyOf(claimed, ending, now),
    })
  else if (planned.outputs.length === 0)
    changes.push({
      key: keys.marker(task.taskId),
      put: { kind: 'marker', at: now, result: ending.result ?? null },
    })
  const result = await ports.store.write(changes)
  return result.ok
}

/** The record of an attempt that did not succeed. */
function storyOf({ task }: Claimed, ending: Ending, endedAt: number): Attempt {
  return {
    kind: 'attempt',
    run: task.run,
    number: task.number,
    attempt: task.attempt,
    outcome: ending.outcome,
    endedAt,
    ...(task.startedAt === undefined ? {} : { startedAt: task.startedAt }),
    ...(task.worker === undefined ? {} : { worker: task.worker }),
    ...(ending.peakMemoryBytes === undefined ? {} : { peakMemoryBytes: ending.peakMemoryBytes }),
    ...(ending.failure === undefined ? {} : { failure: ending.failure }),
    ...(ending.tail === undefined ? {} : { tail: ending.tail }),
  }
}
