import { isRunOpen } from '../../src/core/records/status.ts'
import { FILLER } from './backfills.ts'
import { SETTINGS } from './hosts.ts'
import type { SimRequest } from './project.ts'
import { isAnythingHeld, restlessIn } from './records.ts'
import { PERSON } from './watch.ts'
import type { World } from './world.ts'

/** After so many steps in which nothing happens, time passes until something is to happen. */
const QUIET_STEPS = 60
/** After so many it stands still: audits take as long to look through a run page by page. */
const STILL_STEPS = 3_000
/** The clocks of two hosts are never further apart. */
const APART_MS = SETTINGS.skewMs

/**
 * Lets time pass when nothing happens, until something is to happen by itself. If nothing is, the world stands still
 * though it is not at rest: what it waits for has been lost.
 */
export function passingTime(world: World, auditMs: number): (steps: number) => void {
  const { scheduler } = world
  let [activity, since] = [0, 0]
  let isPassed = false
  return (steps) => {
    if (world.activity !== activity) {
      activity = world.activity
      since = steps
      isPassed = false
    }
    if (world.isBusy || steps - since < QUIET_STEPS) return
    const coming = comingInstants(world)
    if (coming.length > 0) {
      since = steps
      scheduler.passUntil(Math.min(...coming))
    } else if (!isPassed) {
      isPassed = true
      scheduler.passUntil(scheduler.now + (Number.isFinite(auditMs) ? 2 * auditMs : APART_MS))
    } else if (steps - since >= STILL_STEPS) world.violations.push(`stands still: ${unrest(world)}`)
  }
}

/** Every request has been answered, every run has ended, and nothing is left to be handled. */
export function isAtRest(world: World, requests: readonly SimRequest[]): boolean {
  const runs = world.runs()
  const names = new Set([...world.refused, ...runs.map((run) => run.name)])
  // What was asked for may have been forgotten again.
  if (!world.hasPruned && requests.some(({ name }) => !names.has(name))) return false
  if (runs.some((run) => isRunOpen(run.status))) return false
  if (world.scheduler.isAnyoneFrozen || [PERSON, FILLER].some((name) => world.scheduler.hasWork(name)))
    return false
  return !isAnythingHeld(world.records)
}

/** What keeps the world from its rest. */
export const unrest = (world: World): string => restlessIn(world.records).join('; ')

/** Instants to come at which something is to happen: an instant of a record is due by one clock sooner than by another. */
function comingInstants(world: World): number[] {
  const { now } = world.scheduler
  const due = [...world.records.values()].flatMap((record) => ('dueAt' in record ? (record.dueAt ?? []) : []))
  const byAnyClock = due.flatMap((at) => [at - APART_MS / 2, at, at + APART_MS / 2 + 1_000, at + APART_MS])
  return [...byAnyClock, ...world.comingInstants(), ...world.scheduler.thaws()].filter((at) => at > now)
}
