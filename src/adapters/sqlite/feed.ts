import type { Key } from '../../core/keys.ts'
import type { Clock, Feed, FeedEvent } from '../../core/ports/deciding.ts'
import type { Database } from './database.ts'
import { readSqlRow, readSqlRows } from './rows.ts'

/*
 * The change feed of SQLite: events in a table, which one process at a time follows. Owns the table of events and the lease of the
 * follower. The store of this process tells it each change (`tell`); the database tells it of commits, of rollbacks, and that
 * another process has committed.
 *
 * Invariants:
 * 1. An event is delivered until it is acknowledged, and is in the table from the commit of its change on, unless it is
 *    acknowledged within that transaction: then it is never written.
 * 2. Events are delivered in the order of their changes. Only the process that holds the lease takes any.
 * 3. `known` is all that is in the table and not acknowledged, or it is undefined and the table is asked: a commit of another
 *    process and a rollback make it undefined.
 * 4. Acknowledging is not waited for. An event whose removal is lost is delivered again, and each handler can stand that.
 */

/** How long the lease of a follower lasts; it is extended when half of it is over. */
const LEASE_MS = 5_000

interface Lease {
  follower: string
  until: number
}

/** The feed of one process, which is told of the changes that its own store writes. */
export interface SqliteFeed extends Feed {
  tell(key: Key): void
  /** Whether another process, which lives as far as is known, followed it last. */
  isFollowedElsewhere(): Promise<boolean>
}

/** The number of an event that is not in the table yet: it gets one when its transaction is committed. */
const UNWRITTEN = 0

function parseLease(text: string): Lease {
  return JSON.parse(text)
}

/**
 * The change feed as a table that every process may follow; a lease lets one at a time.
 * Delivered events stay until they are acknowledged; those that are acknowledged in the transaction in which they
 * happened are never written.
 */
export function makeSqliteFeed(
  database: Database,
  follower: string,
  clock: Clock,
  isGone: (worker: string) => Promise<boolean>,
): SqliteFeed {
  const { sql } = database
  const insert = sql.prepare('INSERT INTO feed (key) VALUES (?)')
  const next = sql.prepare('SELECT sequence, key FROM feed WHERE sequence > ? ORDER BY sequence LIMIT ?')
  const forget = sql.prepare('DELETE FROM feed WHERE sequence = ?')
  const forgetRange = sql.prepare('DELETE FROM feed WHERE sequence BETWEEN ? AND ?')
  const lease = sql.prepare("SELECT value FROM setting WHERE name = 'feed'")
  const grant = sql.prepare("INSERT OR REPLACE INTO setting (name, value) VALUES ('feed', ?)")
  /** Until when this process follows; no other process takes a lease that has not ended. */
  let oursUntil = 0
  /** Up to here all is acknowledged, though its removal may not have been committed. */
  let acknowledged = 0
  /** All that is in the table and not acknowledged, as long as no other process commits; undefined if not known. */
  let known: FeedEvent[] | undefined
  /** Events of the open transaction that are not acknowledged. */
  const unwritten = new Set<FeedEvent>()
  let version = database.foreignVersion()
  /** Events that got their numbers in the last commit. */
  let numbered: FeedEvent[] = []
  database.onRollback(() => {
    known = undefined
    unwritten.clear()
    // Other events will get these numbers.
    for (const event of numbered) event.sequence = UNWRITTEN
  })
  database.beforeCommit(() => {
    numbered = [...unwritten]
    for (const event of numbered) event.sequence = Number(insert.run(event.key).lastInsertRowid)
    unwritten.clear()
  })

  const standing = () => {
    const row = readSqlRow<{ value: string }>(lease)
    return row === undefined ? undefined : parseLease(row.value)
  }

  /** Takes or extends the lease; false while another process that lives has it. */
  async function follows(): Promise<boolean> {
    const now = clock.steady()
    if (oursUntil - now > LEASE_MS / 2) return true
    const before = standing()
    const isFree = before === undefined || before.until <= now || before.follower === follower
    if (!isFree && !(await isGone(before.follower))) return false
    return database.commit(() => {
      const stands = standing()
      if (stands?.follower !== before?.follower || stands?.until !== before?.until) return false
      oursUntil = now + LEASE_MS
      grant.run(JSON.stringify({ follower, until: oursUntil } satisfies Lease))
      return true
    })
  }

  function remove(events: readonly FeedEvent[]): void {
    const first = events[0]?.sequence ?? 0
    const last = events.at(-1)?.sequence ?? 0
    if (last - first === events.length - 1) forgetRange.run(first, last)
    else for (const event of events) forget.run(event.sequence)
  }

  /** The oldest events, from memory if no other process has written: a look at the table costs as much as a write. */
  function oldest(limit: number): FeedEvent[] {
    if (database.foreignVersion() !== version) known = undefined
    version = database.foreignVersion()
    if (known !== undefined) return known.slice(0, limit)
    const events = readSqlRows<FeedEvent>(next, acknowledged, limit)
    if (events.length === limit) return events
    known = [...events, ...unwritten]
    return known.slice(0, limit)
  }

  return {
    async isFollowedElsewhere() {
      const stands = standing()
      return stands !== undefined && stands.follower !== follower && !(await isGone(stands.follower))
    },
    tell(key) {
      const event = { sequence: UNWRITTEN, key }
      unwritten.add(event)
      known?.push(event)
    },
    async take(limit) {
      const events = oldest(limit)
      if (events.length === 0) return []
      const until = oursUntil
      if (!(await follows())) return []
      // The process that followed before may have acknowledged some of them before this one got the lease.
      return oursUntil === until ? events : oldest(limit)
    },
    // The oldest events are taken first, so they are acknowledged first. No caller waits for the removal (invariant 4).
    async acknowledge(events) {
      const written = events.filter((event) => !unwritten.delete(event))
      acknowledged = Math.max(acknowledged, written.at(-1)?.sequence ?? 0)
      const done = new Set(events)
      const isLeft = (event: FeedEvent) =>
        !done.has(event) && (event.sequence === UNWRITTEN || event.sequence > acknowledged)
      const left = known?.findIndex(isLeft) ?? 0
      known?.splice(0, left < 0 ? known.length : left)
      if (written.length > 0) database.apply(() => remove(written)).catch(() => {})
    },
  }
}
