import { type Key, keys } from '../core/keys.ts'
import { isOpen, type Run } from '../core/model.ts'
import type { PruneResult } from './control.ts'
import type { Home } from './home.ts'
import { allRuns } from './inspect.ts'

const PAGE = 500
/** Runs that are forgotten together: they share transactions. */
const AT_ONCE = 20
/** More attempts than one machine runs; each has a due instant, the end of its lease. */
const MOST_RUNNING = 100_000

/** Forgets runs that ended long ago; that more than half of all runs are forgotten has to be confirmed. */
export async function pruneRuns(home: Home, olderThanMs: number, confirmed: boolean): Promise<PruneResult> {
  const before = home.context.ports.clock.now() - olderThanMs
  const all = await allRuns(home)
  const old = endedBefore(all, before)
  if (old.length > all.length / 2 && !confirmed)
    return { status: 'unconfirmed', affected: old.length, all: all.length }
  const pruned = await prune(home, before)
  const unpublished = await pruneStaged(home, before)
  const state = await home.shrink?.()
  return { pruned, unpublished, ...(state && { state }) }
}

/** Forgets runs that ended before an instant: records, plans, messages and logs. Targets and markers stay. */
export async function prune(home: Home, before: number): Promise<string[]> {
  const old = endedBefore(await allRuns(home), before)
  for (let start = 0; start < old.length; start += AT_ONCE)
    await Promise.all(old.slice(start, start + AT_ONCE).map(({ id }) => forget(home, id)))
  await pruneLocks(home, before)
  return old.map(({ id }) => id)
}

/** Removes what attempts that died before an instant had written beside their targets; returns how many files it was. */
async function pruneStaged({ context, removeAbandoned }: Home, before: number): Promise<number> {
  if (removeAbandoned === undefined) return 0
  const due = await context.ports.store.due({ before: Number.MAX_SAFE_INTEGER, limit: MOST_RUNNING })
  const running = new Set(due.flatMap(({ record }) => ('nonce' in record ? [record.nonce] : [])))
  return removeAbandoned({ before, isRunning: (nonce) => running.has(nonce) })
}

async function forget(home: Home, id: string): Promise<void> {
  const { plans, queue, store } = home.context.ports
  for (const prefix of [keys.taskRuns(id), keys.attempts(id), keys.checkpoints(id)])
    await removeAll(home, prefix)
  await Promise.all([queue.remove(id), plans.remove(id), home.logs.remove(id)])
  // Last, so that a prune that is cut off finds the run again.
  await store.write([{ key: keys.run(id), remove: true }])
}

/** The runs that ended before an instant. */
const endedBefore = <R extends Run>(runs: readonly R[], before: number): R[] =>
  runs.filter(({ status, endedAt }) => !isOpen(status) && endedAt !== undefined && endedAt < before)

async function removeAll({ context }: Home, prefix: Key<'task' | 'attempt' | 'checkpoint'>): Promise<void> {
  const { store } = context.ports
  for (;;) {
    const page = await store.list({ prefix, limit: PAGE, consistency: 'strong' })
    await Promise.all(page.map(({ key }) => store.write([{ key, remove: true }])))
    if (page.length < PAGE) return
  }
}

/** Locks that nobody has used since; one that says that a target proves nothing stays. */
async function pruneLocks({ context }: Home, before: number): Promise<void> {
  const { store } = context.ports
  for (let after = ''; ; ) {
    const page = await store.list({ prefix: keys.lock(''), after, limit: PAGE, consistency: 'strong' })
    const last = page.at(-1)
    if (last === undefined) return
    after = last.key
    await Promise.all(
      page.map(async ({ key, record }) => {
        if (record.kind !== 'lock' || record.holder !== undefined || record.waiting || record.unproven) return
        if ((record.lastEndAt ?? 0) >= before || (record.backoffUntil ?? 0) >= before) return
        await store.write([{ key, remove: true, if: { version: record.version } }])
      }),
    )
  }
}
