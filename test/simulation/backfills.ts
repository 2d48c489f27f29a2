import { resumeRun, workOnRuns } from '../../src/control/follow-runs.ts'
import type { Home } from '../../src/control/home.ts'
import type { Change } from '../../src/core/change.ts'
import { keys } from '../../src/core/keys.ts'
import { hasTaskEnded, isRunOpen } from '../../src/core/records/status.ts'
import type { TaskRun } from '../../src/core/records/task-run.ts'
import type { Context } from '../../src/engine/context.ts'
import { FILLED } from './hosts.ts'
import type { StartScheduled } from './schedules.ts'
import type { World } from './world.ts'

const DAY_MS = 86_400_000
/** How hosts of backfills are called. */
export const FILLER = 'filler'
/** A place that is free is used by then, and after so many looks at its runs. */
const FREE_MS = 60_000
const FREE_LOOKS = 12
/** It goes on for so long though nothing can start: longer than any target is waited for. */
const WAIT_MS = 30 * 60_000
/** Backfills begin within these steps. */
const STEPS = 1_500
const SHARE = 0.002

/** A backfill under way. */
interface Filling {
  host: string
  maxActive: number
  left: number
  isStarting: boolean
  /** Runs that it has opened or joined. */
  runs: string[]
  /** Since when a place has been free, and after how many looks. */
  free?: { since: number; looks: number }
  looks: number
}

/** People fill intervals of the past, oldest first and a few at a time, as `sluice backfill` does. */
export class Backfills {
  readonly #world: World
  readonly #contextOf: (host: string) => Context
  readonly #start: StartScheduled
  readonly #fillings: Filling[] = []
  /** Runs that have waited for a target that another system makes. */
  readonly #awaited = new Set<string>()

  constructor(world: World, contextOf: (host: string) => Context, start: StartScheduled) {
    this.#world = world
    this.#contextOf = contextOf
    this.#start = start
  }

  /** A person begins a backfill now and then. */
  act(steps: number): void {
    const { random } = this.#world.scheduler
    if (steps <= STEPS && this.#fillings.length < 2 && random() < SHARE)
      this.#fill(2 + Math.floor(random() * 4), 1 + Math.floor(random() * 2)).catch((error: Error) =>
        this.#world.violate(`a backfill: ${error.stack}`),
      )
    for (const each of this.#fillings) this.#checkPlaces(each)
  }

  async #fill(count: number, maxActive: number): Promise<void> {
    const host = `${FILLER}${this.#fillings.length}`
    const context = this.#contextOf(host)
    const filling: Filling = { host, maxActive, left: count, isStarting: false, runs: [], looks: 0 }
    this.#fillings.push(filling)
    const home = { context } as Home
    const query = { runs: this.#runsOf(home, filling, count), maxActive, concurrency: 2, waitMs: WAIT_MS }
    for await (const event of workOnRuns(home, query)) if (event.event === 'end') filling.left = 0
  }

  /** Opens each interval when it is asked for. */
  async *#runsOf(home: Home, filling: Filling, count: number): AsyncGenerator<string> {
    const first = this.#world.begunAt - 100 * DAY_MS
    for (let day = 0; day < count; day++) {
      const start = first + day * DAY_MS
      this.#checkMost(filling)
      filling.isStarting = true
      const run = await this.#start(home.context, FILLED, { start, end: start + DAY_MS })
      filling.left--
      if (run !== undefined && filling.runs.includes(run)) this.#violate(`${run} is started twice`)
      if (run !== undefined) filling.runs.push(run)
      if (run !== undefined) await resumeRun(home, run)
      filling.isStarting = false
      if (run !== undefined) yield run
    }
  }

  /** A host has written. */
  wrote(_host: string, changes: readonly Change[]): void {
    for (const { key } of changes) {
      const task = this.#world.records.get(key)
      if (task?.kind === 'taskRun' && task.status === 'waiting' && task.waitsFor === 'target')
        this.#awaited.add(task.run)
    }
  }

  /** A host has looked at the tasks of a run. */
  looked(host: string): void {
    for (const each of this.#fillings) if (each.host === host) each.looks++
  }

  /** No more run at once than may, beside those that have waited for a target. */
  #checkMost({ host, maxActive, runs }: Filling): void {
    const active = runs.filter((run) => this.#isOpen(run) && !this.#awaited.has(run))
    if (active.length >= maxActive)
      this.#violate(`${host} starts another one beside ${active.join(' ')}, of ${maxActive} at most`)
  }

  /** What only waits for targets that another system makes holds no place. */
  #checkPlaces(filling: Filling): void {
    const { scheduler } = this.#world
    const { host, maxActive, left, isStarting, runs, looks } = filling
    const isIdle = left === 0 || isStarting || scheduler.dead.has(host) || scheduler.isFrozen(host)
    const isFree =
      !isIdle && runs.filter((run) => this.#isOpen(run) && !this.#onlyAwaits(run)).length < maxActive
    if (!isFree) {
      delete filling.free
      return
    }
    filling.free ??= { since: scheduler.now, looks }
    if (scheduler.now - filling.free.since > FREE_MS && looks - filling.free.looks > FREE_LOOKS)
      this.#violate(`${host} leaves a place free since ${filling.free.since}, and ${left} intervals to start`)
  }

  #isOpen(run: string): boolean {
    const record = this.#world.records.get(keys.run(run))
    return record?.kind === 'run' && isRunOpen(record.status)
  }

  #onlyAwaits(run: string): boolean {
    const tasks = [...this.#world.records.values()].filter(
      (record): record is TaskRun & { version: number } => record.kind === 'taskRun' && record.run === run,
    )
    const moving = tasks.filter(
      ({ status }) => !hasTaskEnded(status) && status !== 'pending' && status !== 'expanding',
    )
    return moving.length > 0 && moving.every(({ waitsFor }) => waitsFor === 'target')
  }

  #violate(what: string): void {
    this.#world.violate(`backfill: ${what}`)
  }
}
