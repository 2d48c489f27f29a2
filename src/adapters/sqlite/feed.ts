import type { Clock, Feed, FeedEvent } from '../../core/ports.ts'
import type { Database } from './database.ts'

const LEASE_MS = 5_000

interface Lease {
  follower: string
  until: number
}

/**
 * The change feed as a table that every process may follow; a lease lets one at a time.
 * Delivered events stay until they are acknowledged.
 */
export function sqliteFeed(
  database: Database,
  follower: string,
  clock: Clock,
  isGone: (worker: string) => Promise<boolean>,
): Feed {
  const { sql } = database
  const next = sql.prepare('SELECT sequence, key FROM feed WHERE sequence > ? ORDER BY sequence LIMIT ?')
  const forget = sql.prepare('DELETE FROM feed WHERE sequence = ?')
  const forgetRange = sql.prepare('DELETE FROM feed WHERE sequence BETWEEN ? AND ?')
  const lease = sql.prepare("SELECT value FROM setting WHERE name = 'feed'")
  const grant = sql.prepare("INSERT OR REPLACE INTO setting (name, value) VALUES ('feed', ?)")
  /** Until when this process follows; nobody else takes a lease that has not ended. */
  let oursUntil = 0
  /** Up to here all is acknowledged, though its removal may not have been committed. */
  let acknowledged = 0

  const standing = () => {
    const row = lease.get() as { value: string } | undefined
    return row === undefined ? undefined : (JSON.parse(row.value) as Lease)
  }

  /** Takes or extends the lease; false while another process that lives has it. */
  async function follows(): Promise<boolean> {
    const now = clock.now()
    if (oursUntil - now > LEASE_MS / 2) return true
    const before = standing()
    const isFree = before === undefined || before.until <= now || before.follower === follower
    if (!isFree && !(await isGone(before.follower))) return false
    return database.transaction(() => {
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

  return {
    async take(limit) {
      const events = next.all(acknowledged, limit) as unknown as FeedEvent[]
      return events.length > 0 && (await follows()) ? events : []
    },
    // Whoever takes the oldest first acknowledges the oldest first. Nobody waits: what is not removed is handled again.
    async acknowledge(events) {
      acknowledged = Math.max(acknowledged, events.at(-1)?.sequence ?? 0)
      database.commitLater(() => remove(events))
    },
  }
}
