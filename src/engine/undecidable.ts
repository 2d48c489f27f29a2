import type { Fields, Stored } from '../core/change.ts'
import { readErrorMessage, SluiceError } from '../core/errors.ts'
import { keys } from '../core/keys.ts'
import { MissingTaskError } from '../core/plan.ts'
import type { Run } from '../core/records/run.ts'
import type { Context } from './context.ts'

// One run can never stop the loops that decide for all runs: what cannot be decided about it ends it with the reason.
// Errors of the store and its surroundings are not of a run, and still end the loops.

/**
 * Whether trying again would end in the same way: a defect, a record that is too large, a plan that has gone, not a store that
 * is busy.
 */
export function isUndecidableError(error: unknown): boolean {
  if (error instanceof MissingTaskError) return true
  if (error instanceof SluiceError) return error.source === 'user'
  return (
    error instanceof RangeError ||
    error instanceof TypeError ||
    error instanceof SyntaxError ||
    error instanceof ReferenceError
  )
}

/** Decides something about a run; if it cannot be decided, the run ends and its failure says why. */
export async function decideForRun(
  context: Context,
  run: string | undefined,
  decide: () => Promise<unknown>,
): Promise<void> {
  try {
    await decide()
  } catch (error) {
    if (run === undefined || !isUndecidableError(error)) throw error
    await endUndecidable(context, run, readErrorMessage(error))
  }
}

/** Decides for records of many runs together; if that fails, for each alone, so that only its own run ends. */
export async function decideForRecords(
  context: Context,
  records: Stored[],
  decide: (records: Stored[]) => Promise<void>,
): Promise<void> {
  try {
    await decide(records)
  } catch (error) {
    if (!isUndecidableError(error)) throw error
    for (const record of records) await decideForRun(context, runOf(record), () => decide([record]))
  }
}

function runOf(record: Stored): string | undefined {
  if (record.kind === 'taskRun') return record.run
  return record.kind === 'run' ? record.id : undefined
}

/**
 * Cancels what is left of the run, as a person would; ends it at once if not even that can be decided. A run that was
 * forgotten has nothing left.
 */
async function endUndecidable({ ports }: Context, id: string, why: string): Promise<void> {
  const [run] = await ports.store.read([keys.run(id)])
  if (run === undefined || run.status !== 'running') return
  const now = ports.clock.now()
  const failure = { outcome: 'planning' as const, message: `it could not be decided what comes next: ${why}` }
  const set: Fields<Run> =
    run.cancelledAt === undefined
      ? { cancelledAt: now, failure }
      : { status: 'failed', endedAt: now, dueAt: undefined, failure: run.failure ?? failure }
  await ports.store.write([{ key: keys.run(id), set, if: { version: run.version } }])
}
