import type { Change, Stored } from '../../src/core/change.ts'
import type { FoundTask } from '../../src/core/graph.ts'
import type { Limits } from '../../src/core/limits.ts'
import type { Store } from '../../src/core/ports/deciding.ts'
import type { Run } from '../../src/core/records/run.ts'
import { findUnprovenTasks } from '../../src/engine/proof.ts'
import { Bodies } from './bodies.ts'
import { Definitions } from './definitions.ts'
import { LIMITS, type Script, type SimTask } from './project.ts'
import { changeProblems, type Records, restProblems, runsIn } from './records.ts'
import type { Scheduler } from './scheduler.ts'
import type { OnWrite, State } from './state.ts'
import { Targets } from './targets.ts'
import { type LiveBody, Watch } from './watch.ts'

/** Looks at what hosts read and write. */
export interface Observer {
  read?(host: string, records: readonly (Stored | undefined)[]): void
  wrote?(host: string, changes: readonly Change[]): void
  /** A host has looked at the tasks of a run. */
  looked?(host: string): void
  /** Instants to come at which something is to happen. */
  comingInstants?(): number[]
}

/** The tasks that a world knows from its beginning, and how their bodies behave. */
export interface WorldProject {
  tasks: readonly SimTask[]
  scripts: Map<string, Script>
}

/** Makes the state of a world, which tells what it does wrong. */
export type MakeState = (scheduler: Scheduler, violate: (what: string) => void) => State

/** An end that is written so long after its instant is written late. */
const LATE_MS = 60_000

/** What is shared by all hosts, what really exists, and what must never be seen. */
export class World {
  readonly scheduler: Scheduler
  readonly state: State
  readonly scripts: Map<string, Script>
  readonly targets: Targets
  readonly bodies: Bodies
  readonly watch: Watch
  readonly violations: string[] = []
  /** What the config that was deployed last allows. */
  limits = LIMITS
  /** Names of requests that were refused. */
  readonly refused = new Set<string>()
  /** A person has had old runs forgotten. */
  hasPruned = false
  /** Counts what really happened; while it stands still, time may pass. */
  activity = 0
  /** How far each host's clock is off. */
  readonly skewMs = new Map<string, number>()
  readonly begunAt: number
  readonly definitions = new Definitions()
  /** What else looks at reads and writes. */
  readonly observers: Observer[] = []
  /** Nothing goes on any more. */
  isClosed = false
  /** Instants at which a message comes into sight again. */
  readonly #sights = new Set<number>()
  #seen = new Map<string, Stored>()
  readonly #changed = new Set<string>()

  constructor(scheduler: Scheduler, { scripts, tasks }: WorldProject, makeState: MakeState) {
    this.scheduler = scheduler
    const state = makeState(scheduler, (what) => this.violate(what))
    this.state = state
    this.scripts = scripts
    this.begunAt = scheduler.now
    const violate = (what: string) => this.violate(what)
    const uris = new Map(tasks.flatMap(({ id, uri }) => (uri === undefined ? [] : [[id, uri]])))
    this.targets = new Targets(uris, violate)
    const running = new Set<LiveBody>()
    const clockOf = (host: string) => this.clockOf(host)
    this.watch = new Watch({
      records: state.records,
      bodies: running,
      clockOf,
      fastestClock: () => scheduler.now + Math.max(...this.skewMs.values()),
      isDead: (host) => scheduler.dead.has(host),
      lackingSince: (host, family) => this.definitions.lackingSince(host, family),
      violate,
    })
    this.bodies = new Bodies(running, {
      scheduler,
      targets: this.targets,
      watch: this.watch,
      scriptOf: (id) => this.scripts.get(id) as Script,
      clockOf,
      areComplete: (host, tasks) => this.areComplete(host, tasks),
      hasSucceeded: (id) => this.#hasSucceeded(id),
      onActivity: () => this.activity++,
      violate,
    })
    scheduler.onCrash = (host) => this.bodies.endOn(host)
  }

  /** The records as they stand. */
  get records(): Records {
    return this.state.records
  }

  /** The runs as they stand. */
  runs(): Run[] {
    return runsIn(this.records)
  }

  /** The clock of a host. */
  clockOf(host: string): number {
    return Math.floor(this.scheduler.now + (this.skewMs.get(host) ?? 0))
  }

  /** A host has written, or was refused to. */
  readonly onWrite: OnWrite = (host, changes, before, result) => {
    for (const { key } of changes) this.#changed.add(key)
    const [change] = changes
    const isHeartbeat = change !== undefined && 'set' in change && isOnlyLease(change.set)
    if (result.ok && !isHeartbeat) this.activity++
    if (result.ok) this.watch.wrote(host, changes, before)
    // Its host stood still on the way, so an audit may come before the feed.
    if (result.ok && changes.some((each) => this.clockOf(host) - readEnd(each) > LATE_MS))
      this.scheduler.hasStoodStill = true
    if (result.ok) for (const each of this.observers) each.wrote?.(host, changes)
    else if (isHeartbeat) this.watch.refused(host, change)
  }

  /** A message will come into sight. */
  comesInSight(delayMs: number): void {
    this.activity++
    this.#sights.add(this.scheduler.now + delayMs)
  }

  /** Called after each step: no rule unsets a bit, nothing that ended changes, and so on. */
  check(): void {
    for (const key of this.#changed) {
      const record = this.records.get(key)
      const before = this.#seen.get(key)
      if (record === undefined) this.#seen.delete(key)
      if (record === undefined || before?.version === record.version) continue
      if (before !== undefined) for (const each of changeProblems(key, before, record)) this.violate(each)
      this.#checkBelief(key, before, record)
      this.#seen.set(key, record)
    }
    this.#changed.clear()
    this.#makeExternal()
    this.state.afterStep()
  }

  /** Called when everything has come to rest: nothing stays held. */
  checkRest(): void {
    for (const each of restProblems(this.records)) this.violate(each)
  }

  /** Looks at targets, then at what the state knows of them, as a host does. */
  async areComplete(host: string, tasks: Pick<FoundTask, 'id' | 'outputs' | 'policy'>[]): Promise<boolean[]> {
    const read = <T>(label: string, perform: () => Promise<T>) =>
      this.scheduler.effect(host, label, 'read', perform)
    const there = await read('exists', async () => {
      this.activity++
      return new Set(tasks.filter((task) => this.targets.exists(task)))
    })
    const made = [...there].filter(({ policy }) => policy.external === undefined)
    const reads = (wanted: readonly string[]) =>
      read(`read ${wanted.join(' ')}`, async () => wanted.map((key) => this.records.get(key)))
    const store = { read: reads as Store['read'] }
    const unproven = made.length === 0 ? new Set() : await findUnprovenTasks(store, made)
    return tasks.map((task) => there.has(task) && !unproven.has(task.id))
  }

  /** The project's limits are others from now on. */
  deploy(limits: Limits): void {
    this.limits = limits
    this.bodies.allow(limits)
  }

  violate(what: string): void {
    this.violations.push(`${this.scheduler.now}: ${what}`)
  }

  /** Instants to come at which something is to happen by itself. */
  comingInstants(): number[] {
    const { now } = this.scheduler
    for (const at of this.#sights) if (at <= now) this.#sights.delete(at)
    const appearances = [...this.scripts.values()].flatMap(({ appearsMs }) =>
      appearsMs === undefined ? [] : [this.begunAt + appearsMs],
    )
    const others = this.observers.flatMap((each) => each.comingInstants?.() ?? [])
    return [...this.#sights, ...appearances, ...others].filter((at) => at > now)
  }

  /** Ends the world. */
  async close(): Promise<void> {
    this.isClosed = true
    await this.state.close()
  }

  /** Whether a body runs. */
  get isBusy(): boolean {
    return this.bodies.running.size > 0
  }

  /** Targets of external tasks appear in time. */
  #makeExternal(): void {
    for (const [id, { appearsMs = Number.POSITIVE_INFINITY }] of this.scripts)
      if (this.scheduler.now - this.begunAt >= appearsMs) this.targets.write(id)
  }

  /** A task counts as complete only if its target is whole. */
  #checkBelief(key: string, before: Stored | undefined, now: Stored): void {
    if (now.kind !== 'taskRun' || now.status !== 'complete') return
    if (before?.kind === 'taskRun' && before.status === 'complete') return
    if (!this.targets.isWhole(now.taskId) && !this.watch.believed.has(now.taskId))
      this.violate(`${key} counts as complete without a whole target`)
  }

  /** Whether an attempt of any run has succeeded; then no other may begin. A person's word makes no target. */
  #hasSucceeded(taskId: string): boolean {
    for (const [key, record] of this.records)
      if (
        record.kind === 'taskRun' &&
        record.taskId === taskId &&
        record.status === 'succeeded' &&
        !this.watch.marked.has(key)
      )
        return true
    return false
  }
}

/** When a change says that something has ended; never, if it says nothing. */
const readEnd = (change: Change): number =>
  'set' in change && 'endedAt' in change.set
    ? (change.set.endedAt ?? Number.POSITIVE_INFINITY)
    : Number.POSITIVE_INFINITY

const isOnlyLease = (set: Record<string, unknown>) =>
  'leaseUntil' in set && Object.keys(set).every((name) => name === 'leaseUntil' || name === 'progress')
