import { memoryPlans } from '../../src/adapters/memory/plans.ts'
import { memoryQueue } from '../../src/adapters/memory/queue.ts'
import { memoryRecords } from '../../src/adapters/memory/records.ts'
import type { Change, Stored } from '../../src/core/change.ts'
import type { FoundTask } from '../../src/core/graph.ts'
import type { Limits } from '../../src/core/limits.ts'
import { hasEnded, keys, type Run, type StoredRecord, type TaskRun } from '../../src/core/model.ts'
import type { Ending, FeedEvent, Job, JobHooks, Ports, Reservation } from '../../src/core/ports.ts'
import { findUnproven } from '../../src/engine/proof.ts'
import type { Scheduler } from './scheduler.ts'
import { type LiveBody, Watch } from './watch.ts'

/** How the body of a task behaves, whatever run it is in. */
export interface Script {
  /** How often it fails before it succeeds; infinite: always. */
  failures: number
  durationMs: number
  /** What its first attempts yield before they do anything. */
  yields: FoundTask[]
  /** What its body asks of its budget once it runs: more than was reserved, or that everybody leaves it alone for a while. */
  asks?: 'more' | 'rest'
  /** Its body writes the target itself, half of it as soon as it begins. */
  writesItself?: true
  /** For a task that somebody else fulfils: after this time its target is there. */
  appearsMs?: number
}

/** For so long a host follows the feed without asking again. */
const FOLLOWED_MS = 5_000
/** How long services ask to be left alone. */
const LONGEST_REST_MS = 180_000

/** What the simulated project limits. */
const LIMITS: Limits = {
  pools: { default: {}, small: { concurrency: 1 } },
  resources: { db: { limit: 2 }, api: { limit: 1 } },
  budgets: { calls: { limit: 5, per: 'minute', timeZone: 'UTC' } },
}

/** What is shared by all hosts, what really exists, and what must never be seen. */
export class World {
  readonly scheduler: Scheduler
  readonly scripts: Map<string, Script>
  readonly memory = memoryRecords()
  readonly plans = memoryPlans()
  readonly queue: ReturnType<typeof memoryQueue>
  /** Ids of tasks whose target exists. */
  readonly targets = new Set<string>()
  /** Those of them of which only half is there. */
  readonly halves = new Set<string>()
  readonly bodies: string[] = []
  readonly violations: string[] = []
  readonly watch: Watch
  /** What the config that was deployed last allows, and the most that any has allowed. */
  limits = LIMITS
  #most = LIMITS
  /** Somebody has had old runs forgotten. */
  hasPruned = false
  /** Counts what really happened; where nothing does, time may pass. */
  activity = 0
  /** Instants at which a message comes into sight again. */
  readonly #sights = new Set<number>()
  /** Whether old changes are told again, long after they were acknowledged. */
  readonly #repeatsOld: boolean
  readonly #hasOneFollower: boolean
  #follower = { by: '', until: 0 }
  readonly #running = new Set<LiveBody>()
  readonly #failed = new Map<string, number>()
  readonly #skewMs = new Map<string, number>()
  #stale: Map<string, Stored> = new Map()
  #seen = new Map<string, Stored>()
  readonly #changed = new Set<string>()
  readonly #delivered: FeedEvent[] = []
  /** What bodies that began had of each budget's window. */
  readonly #begun = new Map<string, number>()
  /** Tasks that have asked for a rest. */
  readonly #rested = new Set<string>()
  readonly #begunAt: number

  constructor(scheduler: Scheduler, scripts: Map<string, Script>) {
    this.scheduler = scheduler
    this.#begunAt = scheduler.now
    this.scripts = scripts
    this.queue = memoryQueue({ steady: () => scheduler.now })
    this.#repeatsOld = scheduler.random() < 0.5
    this.#hasOneFollower = scheduler.random() < 0.5
    this.watch = new Watch({
      records: this.memory.records,
      bodies: this.#running,
      clockOf: (host) => this.#clockOf(host),
      fastestClock: () => scheduler.now + Math.max(...this.#skewMs.values()),
      isDead: (host) => scheduler.dead.has(host),
      violate: (what) => this.violate(what),
    })
    scheduler.onCrash = (host) => {
      for (const body of this.#running) if (body.host === host) this.#running.delete(body)
    }
  }

  /** The ports of one host, whose clock is off by the skew. */
  portsOf(host: string, skewMs: number): Ports {
    const { scheduler, memory, plans, queue } = this
    this.#skewMs.set(host, skewMs)
    const read = <T>(label: string, perform: () => Promise<T>) =>
      scheduler.effect(host, label, 'read', perform)
    const write = <T>(label: string, perform: () => Promise<T>) =>
      scheduler.effect(host, label, 'write', perform)
    const now = () => Math.floor(scheduler.now + skewMs)
    const clock = {
      now,
      steady: now,
      sleep: (ms: number) => scheduler.sleep(host, ms),
      listen: () => (ms: number) => scheduler.sleep(host, ms * 5),
    }
    return {
      store: {
        read: (wanted) =>
          read(`read ${wanted.join(' ')}`, async () => {
            const records = await memory.store.read(wanted)
            this.watch.read(host, records)
            return records
          }),
        write: (changes) =>
          write(`write ${changes.map(describeChange).join(' ')}`, () => this.#write(host, changes)),
        list: (query) =>
          read(`list ${query.prefix}`, async () =>
            query.consistency === 'strong' ? memory.store.list(query) : this.#staleList(query.prefix),
          ),
        due: (query) =>
          read('due', async () =>
            this.#staleList('').filter(
              ({ record }) => 'dueAt' in record && (record.dueAt ?? 0) <= query.before,
            ),
          ),
      },
      feed: {
        take: (limit) => read('feed.take', async () => (this.#follows(host) ? this.#takeEvents(limit) : [])),
        acknowledge: (events) => write('feed.acknowledge', () => memory.feed.acknowledge(events)),
      },
      queue: {
        send: (messages) =>
          write(`queue.send ${messages.length}`, async () => {
            for (const { delayMs } of messages) this.#comesInSight(delayMs)
            await queue.send(messages)
          }),
        take: (query) =>
          read('queue.take', async () => {
            const deliveries = await queue.take(query)
            if (deliveries.length > 0) this.#comesInSight(query.visibilityMs)
            this.watch.took(host, query, deliveries)
            return deliveries
          }),
        acknowledge: (deliveries) => write('queue.acknowledge', () => queue.acknowledge(deliveries)),
        putBack: (delivery, delayMs) =>
          write('queue.putBack', async () => {
            this.#comesInSight(delayMs)
            await queue.putBack(delivery, delayMs)
          }),
        remove: (run) => write('queue.remove', () => queue.remove(run)),
      },
      plans: {
        save: (run, plan) => write(`plans.save ${run}`, () => plans.save(run, plan)),
        header: (run) => read('plans.header', () => plans.header(run)),
        tasks: (run, numbers) => read('plans.tasks', () => plans.tasks(run, numbers)),
        extend: (run, base, tasks) =>
          write('plans.extend', async () => {
            const ids = tasks.map(({ id }) => id)
            this.watch.extended(run, base, ids)
            await plans.extend(run, base, tasks)
          }),
        remove: (run) => write('plans.remove', () => plans.remove(run)),
      },
      completeness: {
        areComplete: (tasks) => this.#areComplete(host, tasks),
      },
      runner: {
        run: (job, hooks) => this.#runBody(host, job, hooks),
        beat: (nonce, leaseMs) => {
          for (const body of this.#running)
            if (body.nonce === nonce) body.validUntil = this.#clockOf(host) + leaseMs
        },
        async close() {},
      },
      clock,
      chance: { nonce: () => `n${Math.floor(scheduler.random() * 1e12)}`, random: scheduler.random },
      isGone: async (worker) => scheduler.dead.has(worker),
    }
  }

  /** Called after each step: no rule unsets a bit, nothing that ended changes, and so on. */
  check(): void {
    for (const key of this.#changed) {
      const record = this.memory.records.get(key)
      const before = this.#seen.get(key)
      if (record === undefined) this.#seen.delete(key)
      if (record === undefined || before?.version === record.version) continue
      if (before !== undefined) this.#checkChange(key, before, record)
      this.#checkBelief(key, before, record)
      this.#seen.set(key, record)
    }
    this.#changed.clear()
    for (const [id, { appearsMs = Number.POSITIVE_INFINITY }] of this.scripts)
      if (this.scheduler.now - this.#begunAt >= appearsMs) this.targets.add(id)
    if (this.scheduler.random() < 0.03) this.#stale = new Map(this.memory.records)
  }

  /** Called when everything has come to rest: nothing stays held. */
  checkRest(): void {
    const planned = new Set(
      this.runs()
        .filter(wasPlanned)
        .map((run) => run.id),
    )
    for (const [key, record] of this.memory.records) {
      for (const holder of holdersOf(record)) this.violate(`${key} is still held by ${holder}`)
      if (record.kind === 'wait') this.violate(`${key} is still there`)
      if (record.kind === 'run' && (record.status === 'running' || record.status === 'planning'))
        this.violate(`${key} never ended`)
      if (record.kind === 'taskRun' && planned.has(record.run) && !hasEnded(record.status))
        this.violate(`${key} is still ${record.status}`)
    }
  }

  /** Whether a host may take events: in half of the worlds one at a time follows the feed, as long as it lives and asks. */
  #follows(host: string): boolean {
    if (!this.#hasOneFollower) return true
    const { now, dead } = this.scheduler
    const { by, until } = this.#follower
    if (by !== host && !dead.has(by) && until > now) return false
    this.#follower = { by: host, until: now + FOLLOWED_MS }
    return true
  }

  /** A few events, with or without images, and now and then an old one again. */
  async #takeEvents(limit: number): Promise<FeedEvent[]> {
    const { random } = this.scheduler
    const events = await this.memory.feed.take(Math.min(limit, 1 + Math.floor(random() * 5)))
    const old = this.#delivered[Math.floor(random() * this.#delivered.length)]
    this.#delivered.push(...events)
    this.activity += events.length
    // Where nothing happens any more nothing is told again either: it would mend what was lost.
    const isAgain = this.#repeatsOld && events.length > 0 && random() < 0.1
    const again = old !== undefined && isAgain ? [old] : []
    return [...again, ...(random() < 0.5 ? events : events.map(({ image: _, ...event }) => event))]
  }

  /** Looks at targets, then at what the state knows of them, as a host does. */
  async #areComplete(
    host: string,
    tasks: Pick<FoundTask, 'id' | 'outputs' | 'policy'>[],
  ): Promise<boolean[]> {
    const read = <T>(label: string, perform: () => Promise<T>) =>
      this.scheduler.effect(host, label, 'read', perform)
    const there = await read('exists', async () => {
      this.activity++
      return new Set(tasks.filter(({ id }) => this.targets.has(id)))
    })
    const made = [...there].filter(({ policy }) => policy.external === undefined)
    const store = {
      read: (wanted: string[]) => read(`read ${wanted.join(' ')}`, () => this.memory.store.read(wanted)),
    }
    const unproven = made.length === 0 ? new Set() : await findUnproven(store, made)
    return tasks.map((task) => there.has(task) && !unproven.has(task.id))
  }

  /** The project's limits are others from now on. */
  deploy(limits: Limits): void {
    this.limits = limits
    const larger = <T extends { limit: number }>(a: { [name: string]: T }, b: { [name: string]: T }) =>
      Object.fromEntries(
        Object.entries(a).map(([name, each]) => [
          name,
          each.limit < (b[name]?.limit ?? 0) ? (b[name] as T) : each,
        ]),
      )
    this.#most = {
      pools: limits.pools,
      resources: larger(this.#most.resources, limits.resources),
      budgets: larger(this.#most.budgets, limits.budgets),
    }
  }

  violate(what: string): void {
    this.violations.push(`${this.scheduler.now}: ${what}`)
  }

  #clockOf(host: string): number {
    return Math.floor(this.scheduler.now + (this.#skewMs.get(host) ?? 0))
  }

  #comesInSight(delayMs: number): void {
    this.activity++
    this.#sights.add(this.scheduler.now + delayMs)
  }

  /** Writes, and looks at what was written. */
  async #write(host: string, changes: Change[]) {
    const before = changes.map(({ key }) => this.memory.records.get(key))
    for (const { key } of changes) this.#changed.add(key)
    const result = await this.memory.store.write(changes)
    const [change] = changes
    const isHeartbeat = change !== undefined && 'set' in change && isOnlyLease(change.set)
    if (result.ok && !isHeartbeat) this.activity++
    if (result.ok) this.watch.wrote(host, changes, before)
    else if (isHeartbeat) this.watch.refused(host, change)
    return result
  }

  /** Instants to come at which something is to happen by itself. */
  comingInstants(): number[] {
    const { now } = this.scheduler
    for (const at of this.#sights) if (at <= now) this.#sights.delete(at)
    const appearances = [...this.scripts.values()].flatMap(({ appearsMs }) =>
      appearsMs === undefined ? [] : [this.#begunAt + appearsMs],
    )
    return [...this.#sights, ...appearances].filter((at) => at > now)
  }

  /** Whether a body runs. */
  get isBusy(): boolean {
    return this.#running.size > 0
  }

  #staleList(prefix: string): { key: string; record: Stored }[] {
    const view = this.scheduler.random() < 0.5 ? this.#stale : this.memory.records
    return [...view].filter(([key]) => key.startsWith(prefix)).map(([key, record]) => ({ key, record }))
  }

  /** A task counts as complete only where its target is whole. */
  #checkBelief(key: string, before: StoredRecord | undefined, now: StoredRecord): void {
    if (now.kind !== 'taskRun' || now.status !== 'complete') return
    if (before?.kind === 'taskRun' && before.status === 'complete') return
    if (!this.#isWhole(now.taskId) && !this.watch.believed.has(now.taskId))
      this.violate(`${key} counts as complete without a whole target`)
  }

  #isWhole(taskId: string): boolean {
    return this.targets.has(taskId) && !this.halves.has(taskId)
  }

  #checkChange(key: string, before: StoredRecord, now: StoredRecord): void {
    if (before.kind === 'taskRun' && now.kind === 'taskRun') {
      if (hasEnded(before.status) && now.status !== before.status)
        this.violate(`${key} went from ${before.status} to ${now.status}`)
      if (lostBit(before.ended, now.ended) || lostBit(before.failed, now.failed))
        this.violate(`${key} lost a bit`)
    }
    if (
      before.kind === 'run' &&
      now.kind === 'run' &&
      before.endedAt !== undefined &&
      before.status !== now.status
    )
      this.violate(`${key} went from ${before.status} to ${now.status}`)
  }

  async #runBody(host: string, job: Job, hooks: JobHooks): Promise<Ending> {
    const { id: taskId, number, policy } = job.task
    const { resources = {} } = policy
    const validUntil = this.#clockOf(host) + job.leaseMs
    const { run, attempt, nonce } = job
    const body = { taskId, run, number, attempt, nonce, host, resources, signal: hooks.signal, validUntil }
    const begins = await this.scheduler.effect(host, `body ${job.task.label}`, 'read', async () =>
      this.#begin(body, job),
    )
    if (!begins) return failed('lost')
    const script = this.scripts.get(job.task.id) as Script
    if (policy.external !== undefined) this.violate(`${job.task.label} is external and runs`)
    const known = new Set(job.dependencies.map(({ id }) => id))
    const missing = script.yields.filter(({ id }) => !known.has(id))
    if (missing.length > 0) {
      this.#running.delete(body)
      const roots = missing.map(({ id }) => id)
      const complete = await this.#areComplete(host, missing)
      const found = missing.map((each, index) => (complete[index] ? looked(each) : each))
      return { outcome: 'yielded', yielded: { roots, found } }
    }
    await untilAborted(
      hooks.signal,
      this.scheduler.sleep(host, script.durationMs * (0.5 + this.scheduler.random())),
    )
    const ending = await this.#endBody(body, job, hooks, script)
    this.#running.delete(body)
    this.activity++
    return ending
  }

  async #endBody(body: LiveBody, job: Job, hooks: JobHooks, script: Script): Promise<Ending> {
    const { host } = body
    if (hooks.signal.aborted) return failed(hooks.signal.reason)
    if (this.#clockOf(host) >= body.validUntil && isKilledInTime(body)) return failed('lost')
    const asked = await this.#askBudget(body, job, hooks, script)
    if (asked !== undefined) return asked
    const failures = this.#failed.get(job.task.id) ?? 0
    if (failures < script.failures) {
      this.#failed.set(job.task.id, failures + 1)
      return failed('failed')
    }
    if (!(await hooks.mayPublish())) return failed('lost')
    this.watch.mayPublish(body)
    await this.scheduler.effect(host, `publish ${job.task.label}`, 'write', async () => this.#publish(job))
    return { outcome: 'succeeded' }
  }

  /** What becomes of an attempt that asks something of its budget; undefined where it goes on. */
  async #askBudget(body: LiveBody, job: Job, hooks: JobHooks, { asks }: Script): Promise<Ending | undefined> {
    const [name] = Object.keys(job.budgets)
    if (asks === undefined) return undefined
    if (asks === 'more') {
      if (name === undefined) return undefined
      const reservation = await hooks.reserve(name, 1)
      if (reservation === undefined) return { ...failed('over_budget'), checkpoint: job.attempt }
      this.#giveOfBudget(name, { amount: 1, endsAt: reservation.endsAt }, job.task.label)
      return undefined
    }
    if (this.#rested.has(job.task.id)) return undefined
    this.#rested.add(job.task.id)
    const retryAt = Math.floor(this.#clockOf(body.host) + LONGEST_REST_MS * this.scheduler.random())
    if (name !== undefined) {
      await hooks.block(name, retryAt)
      this.watch.rests(name, retryAt)
    }
    this.watch.asksAgain(body, retryAt)
    return { ...failed('throttled'), retryAt }
  }

  /** False where the host was held up so long that the watchdog kills the body at once. */
  #begin(body: LiveBody, job: Job): boolean {
    if (!this.#hasLease(body)) return false
    this.activity++
    const isMarked = ({ id }: { id: string }) => this.watch.believed.has(id)
    for (const upstream of job.upstreams)
      if (!this.#isWhole(upstream.id) && !isMarked(upstream))
        this.violate(`${job.task.label} runs before ${upstream.label}`)
    this.watch.begins(body, job)
    if (this.#hasSucceeded(body.taskId) && this.#hasLease(body))
      this.violate(`${job.task.label} runs again in ${body.run}, though it had succeeded`)
    for (const upstream of job.dependencies)
      if (!this.#isWhole(upstream.id) && !isMarked(upstream))
        this.violate(`${job.task.label} goes on before what it yielded: ${upstream.label}`)
    this.#running.add(body)
    this.#checkResources()
    this.#checkBudgets(job)
    this.bodies.push(body.taskId)
    if (this.scripts.get(body.taskId)?.writesItself) this.#writeHalf(body.taskId)
    return true
  }

  /** Bodies that run at once within valid leases never need more than there is. */
  #checkResources(): void {
    const used: { [name: string]: number } = {}
    for (const body of this.#running)
      if (this.#hasLease(body))
        for (const [name, weight] of Object.entries(body.resources)) used[name] = (used[name] ?? 0) + weight
    for (const [name, sum] of Object.entries(used))
      if (sum > (this.#most.resources[name]?.limit ?? 0)) this.violate(`${name} is used ${sum} times at once`)
  }

  /** Bodies that began never had more of a budget's window than there is; what a lost one had counts as spent. */
  #checkBudgets({ budgets, task }: Job): void {
    for (const [name, reservation] of Object.entries(budgets))
      this.#giveOfBudget(name, reservation, task.label)
  }

  #giveOfBudget(name: string, { amount, endsAt }: Reservation, label: string): void {
    const window = `${name} until ${endsAt}`
    const begun = (this.#begun.get(window) ?? 0) + amount
    this.#begun.set(window, begun)
    if (begun > (this.#most.budgets[name]?.limit ?? 0))
      this.violate(`${label} has ${window}, of which ${begun} have been given`)
  }

  #publish(job: Job): void {
    // A frozen host may publish after its lease: nobody can fence a rename. It is whole, so it may stand.
    this.targets.add(job.task.id)
    this.halves.delete(job.task.id)
  }

  #writeHalf(taskId: string): void {
    this.targets.add(taskId)
    this.halves.add(taskId)
  }

  /** Whether an attempt of any run has succeeded; then no other may begin. */
  #hasSucceeded(taskId: string): boolean {
    // A person's word makes no target.
    return [...this.memory.records].some(
      ([key, record]) =>
        record.kind === 'taskRun' &&
        record.taskId === taskId &&
        record.status === 'succeeded' &&
        !this.watch.marked.has(key),
    )
  }

  #taskRun(run: string, number: number): TaskRun | undefined {
    return this.memory.records.get(keys.taskRun(run, number)) as TaskRun | undefined
  }

  /** By the clock of its host, which kills a body whose lease has ended. */
  #hasLease(body: LiveBody): boolean {
    return this.watch.isValid(body)
  }

  /** The runs as they stand. */
  runs(): Run[] {
    return [...this.memory.records.values()].filter((record) => record.kind === 'run') as Run[]
  }
}

function holdersOf(record: StoredRecord): string[] {
  if (record.kind === 'lock') return record.holder === undefined ? [] : [record.holder]
  return record.kind === 'limit' ? Object.keys(record.holders) : []
}

/** What was found complete when it was yielded: nothing of it is looked at further. */
const looked = (found: FoundTask): FoundTask => ({ ...found, complete: true, upstreams: [], requires: [] })

/** A run that ended while it was planned leaves its task runs as they were put. */
export const wasPlanned = (run: Run): boolean => run.released !== undefined

const failed = (outcome: Ending['outcome']): Ending => ({ outcome, failure: { outcome, message: outcome } })

/** Ends with the wait, or at once where the body is asked to stop. */
async function untilAborted(signal: AbortSignal, wait: Promise<void>): Promise<void> {
  if (signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => resolve(), { once: true })
  await Promise.race([wait, promise])
}

const isOnlyLease = (set: Record<string, unknown>) =>
  'leaseUntil' in set && Object.keys(set).every((name) => name === 'leaseUntil' || name === 'progress')

function describeChange(change: { key: string } & object): string {
  const what = 'set' in change ? JSON.stringify(change.set) : 'put' in change ? 'put' : 'remove'
  return `${change.key} ${what}`
}

/**
 * Whether the body of a frozen engine was killed at the end of its lease, as children and commands are, so that the engine hears
 * of it when it thaws. The others stand for bodies that no supervisor reaches, and may publish late.
 */
const isKilledInTime = ({ nonce }: LiveBody) => nonce.charCodeAt(nonce.length - 1) % 2 === 0

function lostBit(before: string, now: string): boolean {
  const [old, young] = [Buffer.from(before, 'base64'), Buffer.from(now, 'base64')]
  return old.some((byte, index) => (byte & ~(young[index] ?? 0)) !== 0)
}
