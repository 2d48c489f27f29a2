import pMap from 'p-map'
import { PLANNING_SKEW_MS } from '../core/claim.ts'
import { type Key, keys } from '../core/keys.ts'
import { readClockMoment } from '../core/moment.ts'
import type { Run } from '../core/records/run.ts'
import { isRunOpen } from '../core/records/status.ts'
import { freeEndedLocks } from '../engine/locks.ts'
import type { PruneResult } from './control.ts'
import { readAllRuns } from './find-runs.ts'
import type { Home } from './home.ts'

const PAGE = 500
/** Runs that are forgotten together: they share transactions. */
const AT_ONCE = 20
/** More attempts than one machine runs; each has a due instant, the end of its lease. */
const MOST_RUNNING = 100_000

/** Forgets runs that ended long ago; that more than half of all runs are forgotten has to be confirmed. */
export async function pruneOldRuns(
  home: Home,
  olderThanMs: number,
  confirmed: boolean,
): Promise<PruneResult> {
  const before = home.context.ports.clock.now() - olderThanMs
  const all = await readAllRuns(home)
  const old = filterEndedBefore(all, before)
  if (old.length > all.length / 2 && !confirmed)
    return { status: 'unconfirmed', affected: old.length, all: all.length }
  const pruned = await pruneRunsBefore(home, before)
  const unpublished = await pruneStaged(home, before)
  await home.removeKept?.(
    async (id) => (await home.context.ports.store.read([keys.run(id)]))[0] === undefined,
  )
  const state = await home.shrink?.()
  return { pruned, unpublished, ...(state && { state }) }
}

/**
 * Forgets runs that ended before an instant: records, plans, messages and logs. Targets, markers and makers stay, and the
 * locks that an open run may still look at.
 */
export async function pruneRunsBefore(home: Home, before: number): Promise<string[]> {
  const runs = await readAllRuns(home)
  const old = filterEndedBefore(runs, before)
  await pMap(old, ({ id }) => forgetRun(home, id), { concurrency: AT_ONCE })
  await pruneLocks(home, lockHorizon(home, runs, before))
  return old.map(({ id }) => id)
}

/** Removes what attempts that died before an instant had written beside their targets; returns how many files it was. */
async function pruneStaged({ context, removeAbandoned }: Home, before: number): Promise<number> {
  if (removeAbandoned === undefined) return 0
  const due = await context.ports.store.due({ before: Number.MAX_SAFE_INTEGER, limit: MOST_RUNNING })
  const running = new Set(due.flatMap(({ record }) => ('nonce' in record ? [record.nonce] : [])))
  return removeAbandoned({ before, isRunning: (nonce) => running.has(nonce) })
}

async function forgetRun(home: Home, id: string): Promise<void> {
  const { plans, queue, store } = home.context.ports
  for (const prefix of [keys.taskRuns(id), keys.attempts(id), keys.checkpoints(id)])
    await removeAll(home, prefix)
  await Promise.all([queue.remove(id), plans.remove(id), home.logs.remove(id)])
  // Last, so that a prune that is cut off finds the run again.
  await store.write([{ key: keys.run(id), remove: true }])
}

/** The runs that ended before an instant. */
const filterEndedBefore = <R extends Run>(runs: readonly R[], before: number): R[] =>
  runs.filter(({ status, endedAt }) => !isRunOpen(status) && endedAt !== undefined && endedAt < before)

/** Removes records of a run; its locks are freed first, if the feed has not come to the end of a task yet. */
async function removeAll({ context }: Home, prefix: Key<'task' | 'attempt' | 'checkpoint'>): Promise<void> {
  const { store } = context.ports
  for (;;) {
    const page = await store.list({ prefix, limit: PAGE, consistency: 'strong' })
    await freeEndedLocks(
      context,
      page.flatMap(({ record }) => (record.kind === 'taskRun' ? [record] : [])),
    )
    await Promise.all(page.map(({ key }) => store.write([{ key, remove: true }])))
    if (page.length < PAGE) return
  }
}

/** A planner that takes longer is taken over; until it has opened its run, that run is not known to be planned. */
const PLANNING_MS = 10 * 60_000

/**
 * The instant, by the steady clock, before which no lock can matter. An open run asks its locks whether an attempt has
 * ended since the run was planned, so that the oldest open run, and what is being planned now, keep what ended after.
 */
function lockHorizon({ context }: Home, runs: readonly Run[], before: number): number {
  const { now, steady } = readClockMoment(context.ports.clock)
  const planned = runs.flatMap(({ status, plannedAt }) => (isRunOpen(status) ? [plannedAt] : []))
  const oldest = planned.reduce((least, each) => Math.min(least, each), steady - PLANNING_MS)
  return Math.min(steady - (now - before), oldest - PLANNING_SKEW_MS)
}

/**
 * Removes locks that were last used before the instant, by the steady clock; one that says something about targets stays. On AWS
 * the table itself forgets, by the same rule: `decideExpiry` in `adapters/dynamodb/table.ts`.
 */
async function pruneLocks({ context }: Home, before: number): Promise<void> {
  const { store } = context.ports
  for (let after = ''; ; ) {
    const page = await store.list({ prefix: keys.lock(''), after, limit: PAGE, consistency: 'strong' })
    const last = page.at(-1)
    if (last === undefined) return
    after = last.key
    await Promise.all(
      page.map(async ({ key, record }) => {
        if (record.kind !== 'lock' || record.holder !== undefined || record.waiting) return
        if (record.unproven || record.lost !== undefined || record.after !== undefined) return
        if ((record.lastEndAt ?? 0) >= before || (record.backoffUntil ?? 0) >= before) return
        await store.write([{ key, remove: true, if: { version: record.version } }])
      }),
    )
  }
}
