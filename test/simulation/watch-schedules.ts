import type { Span } from '../../src/core/calendar.ts'
import type { Change, Stored } from '../../src/core/change.ts'
import { keys } from '../../src/core/keys.ts'
import type { Run, ScheduleRecord } from '../../src/core/records/run.ts'
import { isRunOpen, type RunStatus } from '../../src/core/records/status.ts'
import type { ScheduleRule } from '../../src/core/schedule.ts'
import { PERSON } from './watch.ts'
import type { World } from './world.ts'

const MINUTE_MS = 60_000
/** When an interval that failed is opened again at the earliest, by clocks that may be two minutes apart. */
const RETRY_MS = 58 * MINUTE_MS

/** A run that a host opened for an interval, and what became of it. */
interface Opened {
  run: string
  host: string
  end?: { status: RunStatus; at: number }
}

/** What is known of the schedule that is looked at. */
interface Known extends Pick<ScheduleRule, 'catchUp' | 'maxActiveRuns'> {
  name: string
  /** How many minutes its intervals may have. */
  lengths: readonly number[]
}

/**
 * Looks at what a schedule starts: each interval once, unless its run has failed an hour ago, no more at once than it
 * may, nothing while it is paused, and nothing left out between its first interval and its last.
 */
export class ScheduleWatch {
  readonly #world: World
  readonly #known: Known
  /** What each host last read of the schedule. */
  readonly #looks = new Map<string, ScheduleRecord>()
  readonly #opened = new Map<string, Opened[]>()
  readonly #started = new Map<string, Span>()

  constructor(world: World, known: Known) {
    this.#world = world
    this.#known = known
  }

  /** A host has read these records. */
  read(host: string, records: readonly (Stored | undefined)[]): void {
    for (const record of records)
      if (record?.kind === 'schedule' && record.pipeline === this.#known.name) this.#looks.set(host, record)
  }

  /** A host has written. */
  wrote(host: string, changes: readonly Change[]): void {
    for (const change of changes) {
      const record = this.#world.records.get(change.key)
      if (record?.kind === 'run' && record.name === this.#known.name) this.#wroteRun(host, record, change)
    }
  }

  #wroteRun(host: string, run: Run, change: Change): void {
    this.#noteEnd(run)
    if ('put' in change && !host.startsWith(PERSON)) this.#opens(host, run)
  }

  /** A host is about to start an interval. */
  starts(host: string, { start, end }: Span): void {
    const { scheduler } = this.#world
    const minutes = (end - start) / MINUTE_MS
    const isWhole = this.#known.lengths.includes(minutes) && start % (minutes * MINUTE_MS) === 0
    if (!isWhole) this.#violate(`there is no interval from ${start} to ${end}`)
    // An interval that has ended by the clock of one host is started by any.
    const now = scheduler.now + Math.max(...this.#world.skewMs.values())
    if (end > now) this.#violate(`${start} is started ${end - now} ms too early`)
    if (this.#looks.get(host)?.paused !== false) this.#violate(`${host} starts ${start} though it is paused`)
  }

  /** An interval has been started, or was complete. */
  started(span: Span): void {
    this.#started.set(`${span.start} ${span.end}`, span)
  }

  /** Called when everything has come to rest: nothing between the first interval and the cursor was left out. */
  checkRest(): void {
    const record = this.#world.records.get(keys.schedule(this.#known.name)) as ScheduleRecord | undefined
    if (this.#known.catchUp !== 'all' || record === undefined) return
    const spans = [...this.#started.values(), ...record.open].toSorted((a, b) => a.start - b.start)
    let covered = spans[0]?.start ?? record.cursor
    for (const { start, end } of spans) {
      if (start > covered) this.#violate(`nothing was started from ${covered} to ${start}`)
      covered = Math.max(covered, end)
    }
    if (covered < record.cursor) this.#violate(`nothing was started from ${covered} to ${record.cursor}`)
    const first = spans[0]?.start ?? record.cursor
    const longest = Math.max(...this.#known.lengths) * MINUTE_MS
    if (first > (record.since ?? first) + longest) this.#violate(`the first interval begins at ${first} only`)
  }

  #noteEnd({ id, status, interval }: Run): void {
    const opened = this.#opened.get(`${interval?.start} ${interval?.end}`)?.find(({ run }) => run === id)
    if (opened !== undefined && opened.end === undefined && !isRunOpen(status))
      opened.end = { status, at: this.#world.scheduler.now }
  }

  #opens(host: string, run: Run): void {
    const name = `${run.interval?.start} ${run.interval?.end}`
    const before = this.#opened.get(name) ?? []
    const look = this.#looks.get(host)
    const last = before.at(-1)
    if (last !== undefined) this.#checkAgain(run, last)
    if (look !== undefined) this.#checkActive(host, run, look)
    this.#opened.set(name, [...before, { run: run.id, host }])
  }

  /** An interval is opened again only after a failure, however long ago its host had looked. */
  #checkAgain({ id }: Run, { run, end }: Opened): void {
    if (end === undefined) this.#violate(`${id} is opened though ${run} is open`)
    if (end === undefined) return
    if (end.status !== 'failed') this.#violate(`${id} is opened though ${run} has ${end.status}`)
    const agoMs = this.#world.scheduler.now - end.at
    if (end.status === 'failed' && agoMs < RETRY_MS)
      this.#violate(`${id} is opened ${agoMs} ms after ${run} has failed`)
  }

  /** Runs that the host knew of, and those that it has opened since it looked. */
  #checkActive(host: string, { id }: Run, record: ScheduleRecord): void {
    const isActive = (run: string | undefined) => {
      const found = run === undefined ? undefined : this.#world.records.get(keys.run(run))
      return found?.kind === 'run' && isRunOpen(found.status)
    }
    const active = record.open.filter(({ run }) => isActive(run)).length
    if (active >= this.#known.maxActiveRuns)
      this.#violate(`${host} opens ${id} beside ${active} that run, of ${this.#known.maxActiveRuns} at most`)
  }

  #violate(what: string): void {
    this.#world.violate(`schedule: ${what}`)
  }
}
