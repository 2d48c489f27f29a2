import type { Clock, Feed, FeedEvent } from '../../core/ports.ts'
import type { Database } from './database.ts'

const LEASE_MS = 5_000

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
  const next = sql.prepare('SELECT sequence, key FROM feed ORDER BY sequence LIMIT ?')
  const forget = sql.prepare('DELETE FROM feed WHERE sequence = ?')
  const lease = sql.prepare("SELECT value FROM setting WHERE name = 'feed'")
  const grant = sql.prepare("INSERT OR REPLACE INTO setting (name, value) VALUES ('feed', ?)")

  const holder = () => {
    const row = lease.get() as { value: string } | undefined
    return row === undefined ? undefined : (JSON.parse(row.value) as { follower: string; until: number })
  }

  /** Takes or extends the lease; false while another process that lives has it. */
  async function follows(): Promise<boolean> {
    const before = holder()
    const now = clock.now()
    if (before?.follower === follower && before.until - now > LEASE_MS / 2) return true
    const isFree = before === undefined || before.until <= now || before.follower === follower
    if (!isFree && !(await isGone(before.follower))) return false
    return database.transaction(() => {
      const stands = holder()
      if (stands?.follower !== before?.follower || stands?.until !== before?.until) return false
      grant.run(JSON.stringify({ follower, until: now + LEASE_MS }))
      return true
    })
  }

  return {
    async take(limit) {
      const events = next.all(limit) as unknown as FeedEvent[]
      if (events.length === 0) return []
      return (await follows()) ? (next.all(limit) as unknown as FeedEvent[]) : []
    },
    async acknowledge(events) {
      database.transaction(() => {
        for (const event of events) forget.run(event.sequence)
      })
    },
  }
}
