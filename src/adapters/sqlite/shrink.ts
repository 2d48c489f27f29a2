import type { Database } from './database.ts'

/** What became of the file of a state. */
export interface ShrinkResult {
  beforeBytes: number
  afterBytes: number
  /** Much is free, but giving it back would hold up an engine that may be at work. */
  isLater?: true
}

/** Pages that one transaction moves: 8 MB, which takes milliseconds, so that engines go on meanwhile. */
const STEP_PAGES = 2_000
/** A state of an older version is written anew if that gives back at least this share of it. */
const WORTH_SHARE = 0.1
/** Up to so much is written anew in a few seconds, for which engines wait well within their leases. */
const QUICK_BYTES = 512 * 1024 * 1024
const INCREMENTAL = 2

/**
 * Gives the pages of forgotten records back to the file system: a few at a time if the file was made for it. One
 * of an older version is written anew once, which makes it such a file; `isAtWork` tells whether that may hold up an engine.
 */
export async function shrinkDatabase(
  database: Database,
  isAtWork: () => Promise<boolean>,
): Promise<ShrinkResult> {
  const { sql } = database
  const pragma = (name: string) => Number(Object.values(sql.prepare(`PRAGMA ${name}`).get() ?? {})[0])
  const bytes = () => pragma('page_count') * pragma('page_size')
  const beforeBytes = bytes()
  const freeBytes = pragma('freelist_count') * pragma('page_size')
  if (pragma('auto_vacuum') === INCREMENTAL) {
    while (pragma('freelist_count') > 0)
      await database.commit(() => sql.exec(`PRAGMA incremental_vacuum(${STEP_PAGES})`))
  } else {
    if (freeBytes < beforeBytes * WORTH_SHARE) return { beforeBytes, afterBytes: beforeBytes }
    if (beforeBytes - freeBytes > QUICK_BYTES && (await isAtWork()))
      return { beforeBytes, afterBytes: beforeBytes, isLater: true }
    database.alone(() => sql.exec(`PRAGMA auto_vacuum = ${INCREMENTAL}; VACUUM`))
  }
  // The file itself gets shorter when the log has been written into it; a reader may prevent that until the next time.
  sql.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  return { beforeBytes, afterBytes: bytes() }
}
