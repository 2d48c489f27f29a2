import type { Job } from '../../core/ports/working.ts'
import type { AttemptOutcome } from '../../core/records/status.ts'
import type { AttemptFailure } from '../attempt-end.ts'
import { explainOutsideKill } from '../os/killed.ts'
import type { ChildDeath } from './child-process.ts'

/** Why a process died before its attempt had ended. A death that the body has no part in uses up no retry. */
export function explainChildDeath(
  { isOutOfMemory, stray, isOverdue, exitCode, signal }: ChildDeath,
  job: Job,
) {
  if (stray !== undefined)
    return makeAttemptFailure('lost', `an earlier task in the same process ended it: ${stray}`)
  if (isOutOfMemory) return makeAttemptFailure('out_of_memory', describeOutOfMemory(job))
  if (signal === 'SIGKILL' && isOverdue)
    return makeAttemptFailure(
      'lost',
      'the process was killed because the lease had ended: its engine was held up',
    )
  const killed = explainOutsideKill('the process', exitCode, signal)
  if (killed !== undefined) return killed
  const how = signal ? `was killed by ${signal}` : `exited with code ${exitCode}`
  return makeAttemptFailure('failed', `the process ${how} before the task had ended`)
}

const makeAttemptFailure = (outcome: AttemptOutcome, message: string): AttemptFailure => ({
  outcome,
  message,
})

function describeOutOfMemory({ memoryMb }: Job): string {
  return memoryMb === undefined
    ? "the heap was full at Node's own limit; give the task a larger memoryMb"
    : `the heap was full at ${memoryMb} MB (memoryMb)`
}
