import { readErrorMessage, SluiceError } from '../core/errors.ts'
import { describeSecretLeak, findSecretInText } from '../core/find-secret.ts'
import type { BodyEnd, Ending } from '../core/ports/working.ts'
import type { AttemptOutcome } from '../core/records/status.ts'
import { makeFailureEnding } from './attempt-end.ts'

// What programs say, whether they run as plain commands or in containers.

// Exit codes of sysexits.h: EX_TEMPFAIL and EX_CONFIG, the latter with a meaning of our own (docs/plans.md).
const TRY_AGAIN = 75
const YIELDS = 78

/** What an exit code says by itself; other codes than 0 say it only if the program was not asked to stop. */
export function readExitCode(
  code: number | null | undefined,
  reason: AttemptOutcome | undefined,
): BodyEnd | undefined {
  if (code === 0) return { outcome: 'succeeded', result: null }
  if (reason !== undefined) return undefined
  if (code === YIELDS) return { outcome: 'yielded' }
  if (code !== TRY_AGAIN) return undefined
  const message = 'it asked to be tried again later (exit code 75)'
  return { outcome: 'throttled', failure: { outcome: 'throttled', message } }
}

/** What a person has to correct is said as it is. */
const explainYieldProblem = (error: unknown): string =>
  error instanceof SluiceError
    ? [error.message, error.hint ?? ''].filter(Boolean).join(' ')
    : `what it yielded cannot be used: ${readErrorMessage(error)}`

/** The ending of a program that yields. What cannot be used, or holds a secret, fails the task for good. */
export async function concludeYield(
  readYield: () => Promise<NonNullable<Ending['yielded']>>,
  secrets: { readonly [name: string]: string },
): Promise<Ending> {
  try {
    const yielded = await readYield()
    const secret = findSecretInText(JSON.stringify(yielded.found), secrets)
    if (secret !== undefined) throw new Error(describeSecretLeak('it', secret))
    return { outcome: 'yielded', yielded }
  } catch (error) {
    const message = explainYieldProblem(error)
    return { ...makeFailureEnding('failed', message), isFinal: true }
  }
}
