import { setTimeout as sleep } from 'node:timers/promises'
import { isRunOpen } from '../core/records/status.ts'
import type { Changes, Control, Follow, RunEvent } from './control.ts'
import { MAX_PAGE } from './schemas.ts'
import { makeRunTaker } from './take-runs.ts'

/** Follows runs on which an engine works by itself, by asking again and again what has changed. */
export async function* followChanges(
  readChanges: Control['changes'],
  query: Follow,
): AsyncGenerator<RunEvent> {
  const { maxActive = MAX_PAGE, waitMs = Number.POSITIVE_INFINITY, counts = false, signal } = query
  const takeRuns = makeRunTaker(query.runs)
  const active = new Set<string>()
  const isNew = makeNewEventFilter()
  let last: Changes | undefined
  let movedAt = Date.now()
  while (!signal?.aborted) {
    const awaiting = last?.runs.filter(({ run, onlyAwaits }) => onlyAwaits && active.has(run)).length ?? 0
    await takeRuns(active, () => Math.min(MAX_PAGE, maxActive + awaiting))
    if (active.size === 0) return yield { event: 'end', end: 'ended' }
    last = await readChanges({ runs: [...active], cursor: last?.next, counts })
    const events = last.events.filter(isNew)
    yield* events
    yield* takeEndedRuns(active, last)
    if (hasMovement(last, events)) movedAt = Date.now()
    if (active.size > 0 && Date.now() - movedAt > waitMs) return yield { event: 'end', end: 'waiting' }
    if (active.size > 0) await sleep(last.lookAgainMs, undefined, { signal }).catch(() => {})
  }
  yield { event: 'end', end: 'stopped' }
}

/** Lets go of runs that have ended, and of those that have been forgotten meanwhile. */
function takeEndedRuns(active: Set<string>, { runs }: Changes): RunEvent[] {
  const open = new Set(runs.filter(({ status }) => isRunOpen(status)).map(({ run }) => run))
  for (const run of active) if (!open.has(run)) active.delete(run)
  return runs.flatMap(({ run, status }) => (isRunOpen(status) ? [] : [{ event: 'run_ended', run, status }]))
}

const hasMovement = ({ runs }: Changes, events: RunEvent[]) =>
  events.some(({ event }) => event !== 'counts') || runs.some((run) => run.isMoving)

/** Lets each event of a task through once. */
function makeNewEventFilter(): (event: RunEvent) => boolean {
  const seen = new Set<string>()
  return (event) => {
    if (event.event !== 'task_started' && event.event !== 'task_ended') return true
    const key = `${event.event} ${event.run} ${event.number} ${event.attempt}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  }
}
