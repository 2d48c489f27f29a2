import type { Span } from '../../src/core/calendar.ts'
import type { Stored } from '../../src/core/change.ts'
import { keys } from '../../src/core/keys.ts'
import type { Run, ScheduleRecord } from '../../src/core/records/run.ts'
import { isRunOpen } from '../../src/core/records/status.ts'
import type { ScheduleRule } from '../../src/core/schedule.ts'
import { cancelRun } from '../../src/engine/cancel.ts'
import type { Context } from '../../src/engine/context.ts'
import { setSchedulePaused, tickSchedule } from '../../src/engine/schedules.ts'
import { PERSON } from './watch.ts'
import { ScheduleWatch } from './watch-schedules.ts'
import type { World } from './world.ts'

const MINUTE_MS = 60_000
/** How many minutes an interval may have. */
const LENGTHS = [5, 10, 15]
/** Long enough for an interval that failed to be opened again. */
const LONG_MS = 100 * MINUTE_MS
const SHORT_MS = 40 * MINUTE_MS
/** How often a host looks at its schedules. */
const TICK_MS = 5_000
const SHARE = 0.004
/** A person who was cut off gives the command again. */
const AGAIN_STEPS = 400
/** The clock of a host is off by no more. */
const SKEW_MS = 61_000

/** Opens or joins the run of an interval of a schedule. */
export type StartScheduled = (
  context: Context,
  name: string,
  interval: Span & { lastRun?: string },
) => Promise<string | undefined>

/** A schedule of the simulated project, from its first resumption until it is paused for good. */
export class Schedules {
  readonly watch: ScheduleWatch
  readonly #world: World
  readonly #name = 'scheduled'
  readonly #closesAt: number
  readonly #contextOf: (host: string) => Context
  #rule: ScheduleRule
  #persons = 0
  #actedAt = Number.NEGATIVE_INFINITY

  constructor(world: World, contextOf: (host: string) => Context) {
    const { random, now } = world.scheduler
    this.#world = world
    this.#contextOf = contextOf
    this.#closesAt = now + (random() < 0.3 ? LONG_MS : SHORT_MS)
    const catchUp = (['all', 'all', 'latest', 'none'] as const)[Math.floor(random() * 4)] ?? 'all'
    const maxActiveRuns = 1 + Math.floor(random() * 3)
    this.#rule = { cron: this.#randomCron(), timeZone: 'UTC', lookBackDays: 1, catchUp, maxActiveRuns }
    this.watch = new ScheduleWatch(world, { name: this.#name, catchUp, maxActiveRuns, lengths: LENGTHS })
  }

  /** A host looks at the schedule again and again, by the definition that it last read. */
  async tickOn(host: string, context: Context, start: StartScheduled): Promise<void> {
    for (;;) {
      const rule = this.#rule
      await tickSchedule(context, this.#name, rule, async (interval) => {
        this.watch.starts(host, interval)
        const run = await start(context, this.#name, interval)
        this.watch.started(interval)
        return run
      })
      await context.ports.clock.sleep(TICK_MS)
    }
  }

  /** People resume the schedule, pause and change it, and pause it for good at the end. */
  act(steps: number): void {
    const { random, now } = this.#world.scheduler
    if (now >= this.#closesAt) this.#close(steps)
    else if (this.#record?.since === undefined) this.#say(steps, false)
    else if (random() < SHARE) {
      const deed = random()
      if (deed < 0.3) this.#cancelOne()
      else if (deed < 0.6) this.#rule = { ...this.#rule, cron: this.#randomCron() }
      else this.#say(steps, random() < 0.4, true)
    }
  }

  /** Whether it is paused for good. */
  get isClosed(): boolean {
    return this.#world.scheduler.now >= this.#closesAt && this.#record?.paused !== false
  }

  /** Instants to come at which it is to start something, or to end. */
  comingInstants(): number[] {
    if (this.isClosed) return []
    const minutes = 5 * MINUTE_MS
    const next = Math.ceil((this.#world.scheduler.now - SKEW_MS) / minutes) * minutes
    const retries = (this.#record?.open ?? []).flatMap(({ retryAt }) => retryAt ?? [])
    const firings = [next, next + minutes, ...retries].flatMap((at) => [at - SKEW_MS, at, at + SKEW_MS])
    return [this.#closesAt, ...(this.#record?.paused === false ? firings : [])]
  }

  /** It is paused once it has accounted for all that has ended by then. */
  #close(steps: number): void {
    const record = this.#record
    if (record === undefined || record.paused) return
    const wanted = this.#closesAt - SKEW_MS - Math.max(...LENGTHS) * MINUTE_MS
    if (record.cursor >= wanted || this.#rule.catchUp !== 'all') this.#say(steps, true)
  }

  #say(steps: number, paused: boolean, isAgain = false): void {
    if (!isAgain && steps - this.#actedAt < AGAIN_STEPS) return
    this.#actedAt = steps
    const context = this.#contextOf(this.#nextPerson())
    void setSchedulePaused(context, this.#name, paused)
  }

  /** A person cancels a run that the schedule has started. */
  #cancelOne(): void {
    const run = this.#world.runs().find(({ name, status }) => name === this.#name && isRunOpen(status))
    if (run !== undefined) void cancelRun(this.#contextOf(this.#nextPerson()), run as Stored<Run>)
  }

  #nextPerson(): string {
    return `${PERSON}-schedule${this.#persons++}`
  }

  get #record(): ScheduleRecord | undefined {
    return this.#world.records.get(keys.schedule(this.#name)) as ScheduleRecord | undefined
  }

  #randomCron(): string {
    const { random } = this.#world.scheduler
    return `*/${LENGTHS[Math.floor(random() * LENGTHS.length)]} * * * *`
  }
}
