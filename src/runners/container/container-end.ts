import { getContainerProgram } from '../../core/program.ts'
import type { AttemptOutcome } from '../../core/records/status.ts'
import type { Attempt } from '../attempt.ts'
import type { AttemptExit } from '../attempt-end.ts'
import { readExitCode } from '../program.ts'
import type { ToldByProgram } from '../program-events.ts'
import type { ContainerEnd } from './container-run.ts'

/** The exit code of a container whose program was ended by a signal is this and the signal's number. */
const SIGNALLED = 128
/** Signals by which a person, a shell or the shutdown of the machine ends a program; others are faults of its own. */
const FROM_OUTSIDE: { [number: number]: string } = { 1: 'SIGHUP', 2: 'SIGINT', 9: 'SIGKILL', 15: 'SIGTERM' }

/** What shells say with an exit code of their own (POSIX, Shell Command Language, 2.8.2). */
const MEANINGS: { [code: number]: string } = {
  126: 'a program may not be executed',
  127: 'a program was not found',
}

/** An exit of an attempt whose container ended without a word. */
export const makeDeath = (outcome: AttemptOutcome, message: string): AttemptExit => ({
  is: 'died',
  failure: { outcome, message },
})

/** What the end of a container means for its attempt. */
export function explainContainerEnd(
  end: ContainerEnd,
  { job, reason }: Pick<Attempt, 'job' | 'reason'>,
  toldFailure?: ToldByProgram['failure'],
): AttemptExit {
  const reported = readExitCode(end.code, reason)
  if (reported !== undefined) return { is: 'reported', end: reported }
  // It is another attempt's, or was never created: nothing of it is this attempt's end.
  if (end.code === undefined && reason !== undefined)
    return makeDeath('lost', 'the attempt was stopped before its container had started')
  const { argv = [], entryPoint } = getContainerProgram(job.task)
  const death = explainDeath(end, entryPoint ?? argv[0] ?? 'the entry point of the image', job.memoryMb)
  if (toldFailure === undefined || death.is !== 'died' || death.failure.outcome !== 'failed') return death
  return { ...death, failure: { ...death.failure, ...toldFailure } }
}

function explainDeath(
  { code, isOutOfMemory, error }: ContainerEnd,
  program: string,
  memoryMb: number | undefined,
): AttemptExit {
  if (code === undefined) return explainStart(error, program)
  // The runtime has put the program in the place of its own, and the kernel does not know the format.
  if (FOREIGN_PROGRAM.test(error)) return makeDeath('failed', `${program} ${FOREIGN}: ${error}`)
  if (isOutOfMemory && memoryMb !== undefined)
    return makeDeath('out_of_memory', `it used more than ${memoryMb} MB (memoryMb)`)
  if (isOutOfMemory)
    return makeDeath('lost', `${program} was killed by the kernel, because the machine was out of memory`)
  const signal = FROM_OUTSIDE[code - SIGNALLED]
  if (signal === 'SIGKILL') return makeDeath('lost', `${program} was killed by SIGKILL from outside`)
  if (signal !== undefined)
    return makeDeath('interrupted', `${program} was asked to end from outside, by ${signal}`)
  const meaning = MEANINGS[code]
  const said = meaning === undefined ? '' : ` (${meaning})`
  return makeDeath('failed', `${program} exited with code ${code}${said}`)
}

const FOREIGN = 'is made for another kind of processor than this machine has'
const FOREIGN_PROGRAM = /^exec \S+: exec format error$/

/** What an engine says of programs that another try does not start. */
const CANNOT_START: [text: RegExp, why: string][] = [
  [/executable file not found|no such file or directory/i, 'is not in the image'],
  [/exec(:|utable).*permission denied/i, 'is not executable in the image'],
  [/exec format error/i, FOREIGN],
]

function explainStart(error: string, program: string): AttemptExit {
  const known = CANNOT_START.find(([text]) => text.test(error))
  if (known !== undefined) return makeDeath('failed', `${program} ${known[1]}: ${error}`)
  return { is: 'not-started', message: `the container could not be started: ${error}` }
}
