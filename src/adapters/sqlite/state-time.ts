import type { Database } from './database.ts'
import { readSqlRow } from './rows.ts'

/** Clocks of the machine; see `adapters/system/monotonic.ts`. */
export interface Machine {
  boot: string | undefined
  monotonic(): number
  slept(): number
  wall(): number
}

/** The two clocks of a state, in milliseconds; the same in all its processes. */
export interface StateTime {
  now(): number
  steady(): number
}

/** Offsets between the clocks of a state and those of the machine; kept in the state. */
interface Standing {
  boot: string | undefined
  /** `steady` is `base` plus the machine's monotonic clock. */
  base: number
  /** `now` is `steady` plus `offset`. */
  offset: number
  /** The wall clock was set to this offset, at this instant of the steady clock. */
  jump?: { offset: number; since: number }
}

/** Smaller corrections of the wall clock are followed at once; NTP makes them all the time. */
const FOLLOWED_MS = 2_000
/** A wall clock that was set is believed after this time, in which a user corrects a mistake. */
const BELIEVED_MS = 5 * 60_000
/** How often the wall clock is read. */
const LOOK_MS = 250

/**
 * The clocks of a state on one machine.
 *
 * 1. `steady` never jumps: it counts with the machine's monotonic clock, from a base that the first process of a boot
 *    writes into the state. Leases and delays go by it, so a wall clock that is set ends no lease and prolongs no delay.
 * 2. `now` follows the wall clock. If the wall clock jumps, `now` goes on as before for five minutes and then follows, so a
 *    clock that is wrong for a moment starts no interval of tomorrow. After a sleep of the machine `now` follows at once.
 * 3. After a boot `steady` begins at the wall clock, but not before the latest instant that the state has seen.
 *
 * Without a boot id (macOS, Windows) each process has its own base: if the wall clock is set between the starts of two
 * processes, their steady clocks differ.
 */
export function makeStateTime(database: Database, machine: Machine): StateTime {
  const { sql } = database
  const select = sql.prepare("SELECT value FROM setting WHERE name = 'clock'")
  const replace = sql.prepare("INSERT OR REPLACE INTO setting (name, value) VALUES ('clock', ?)")
  const feedLease = sql.prepare("SELECT value ->> 'until' AS until FROM setting WHERE name = 'feed'")

  const read = () => {
    const row = readSqlRow<{ value: string }>(select)
    if (row === undefined) return undefined
    const standing: Standing = JSON.parse(row.value)
    return standing
  }
  const isOfThisBoot = (kept: Standing | undefined): kept is Standing =>
    kept !== undefined && machine.boot !== undefined && kept.boot === machine.boot

  function begin(): Standing {
    const kept = read()
    if (isOfThisBoot(kept)) return kept
    const wall = machine.wall()
    // The process that follows the feed extends its lease, so the lease ends later than every instant the state has seen.
    const seen = Number(readSqlRow<{ until: number | null }>(feedLease)?.until ?? 0)
    const steady = Math.max(wall, seen)
    const { boot } = machine
    const begun = { boot, base: steady - machine.monotonic(), offset: wall - steady }
    replace.run(JSON.stringify(begun))
    return begun
  }

  const first = read()
  let standing = isOfThisBoot(first) ? first : database.transaction(begin)
  let kept = standing
  let sleptBefore = machine.slept()
  let lookedAt = Number.NEGATIVE_INFINITY

  /** The offsets after reading the wall clock. */
  function look(steady: number): Standing {
    const offset = machine.wall() - steady
    const isNear = (other: number) => Math.abs(offset - other) <= FOLLOWED_MS
    const { jump, ...before } = standing
    const followed = { ...before, offset }
    if (isNear(before.offset)) return followed
    const slept = machine.slept()
    const isSleep = isNear(before.offset + slept - sleptBefore)
    sleptBefore = slept
    if (isSleep) return followed
    const others = read()
    const known = [jump, isOfThisBoot(others) ? others.jump : undefined].find(
      (each) => each && isNear(each.offset),
    )
    if (known === undefined) return { ...before, jump: { offset, since: steady } }
    return steady - known.since >= BELIEVED_MS ? followed : { ...before, jump: known }
  }

  /** Writes the offsets when small corrections have added up, so that the next process begins with them. */
  function keepWhereChanged(): void {
    const isSame = kept.jump?.since === standing.jump?.since
    if (isSame && Math.abs(kept.offset - standing.offset) <= FOLLOWED_MS / 2) return
    kept = standing
    // A process that only reads the state may have closed it by then.
    setImmediate(() => {
      if (sql.isOpen) database.commit(() => replace.run(JSON.stringify(standing))).catch(() => {})
    })
  }

  function now(): number {
    const steady = standing.base + machine.monotonic()
    if (steady - lookedAt >= LOOK_MS) {
      lookedAt = steady
      standing = look(steady)
      keepWhereChanged()
    }
    return Math.floor(steady + standing.offset)
  }

  return { now, steady: () => Math.floor(standing.base + machine.monotonic()) }
}
