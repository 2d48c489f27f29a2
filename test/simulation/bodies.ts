import type { FoundTask } from '../../src/core/graph.ts'
import type { Limits } from '../../src/core/limits.ts'
import type { Ending, Job, JobHooks, Reservation } from '../../src/core/ports/working.ts'
import { LIMITS, type Script } from './project.ts'
import type { Scheduler } from './scheduler.ts'
import type { Targets } from './targets.ts'
import type { LiveBody, Watch } from './watch.ts'

/** How long services ask to be left alone at most. */
const LONGEST_REST_MS = 180_000

/** What bodies act on. */
export interface BodiesSurroundings {
  scheduler: Scheduler
  targets: Targets
  watch: Watch
  scriptOf(taskId: string): Script
  clockOf(host: string): number
  areComplete(host: string, tasks: FoundTask[]): Promise<boolean[]>
  /** Whether an attempt of the task has succeeded in any run. */
  hasSucceeded(taskId: string): boolean
  /** A body began or ended. */
  onActivity(): void
  violate(what: string): void
}

/** The bodies of all hosts, and what must never be seen of them. */
export class Bodies {
  readonly #around: BodiesSurroundings
  readonly running: Set<LiveBody>
  /** Ids of the tasks whose bodies began, in order. */
  readonly begun: string[] = []
  readonly #failed = new Map<string, number>()
  /** What bodies that began had of each budget's window. */
  readonly #given = new Map<string, number>()
  /** Tasks that have asked for a rest. */
  readonly #rested = new Set<string>()
  /** The most that any deployed config has allowed. */
  #most = LIMITS

  constructor(running: Set<LiveBody>, around: BodiesSurroundings) {
    this.running = running
    this.#around = around
  }

  /** The limits are others from now on; what was allowed before may still be used. */
  allow(limits: Limits): void {
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

  /** The bodies of a host end with it. */
  endOn(host: string): void {
    for (const body of this.running) if (body.host === host) this.running.delete(body)
  }

  /** Runs one attempt as the runner of a host does. */
  async run(host: string, job: Job, hooks: JobHooks): Promise<Ending> {
    const { scheduler, clockOf, scriptOf, areComplete } = this.#around
    const { id: taskId, number, policy } = job.task
    const { resources = {} } = policy
    const validUntil = clockOf(host) + job.leaseMs
    const { run, attempt, nonce } = job
    const body = { taskId, run, number, attempt, nonce, host, resources, stop: hooks.stop, validUntil }
    const begins = await scheduler.effect(host, `body ${job.task.label}`, 'read', async () =>
      this.#begin(body, job),
    )
    if (!begins) return failed('lost')
    const script = scriptOf(job.task.id)
    if (policy.external !== undefined) this.#around.violate(`${job.task.label} is external and runs`)
    const known = new Set(job.dependencies.map(({ id }) => id))
    const missing = script.yields.filter(({ id }) => !known.has(id))
    if (missing.length > 0) {
      this.running.delete(body)
      const roots = missing.map(({ id }) => id)
      const complete = await areComplete(host, missing)
      const found = missing.map((each, index) => (complete[index] ? looked(each) : each))
      return { outcome: 'yielded', yielded: { roots, found } }
    }
    await untilStopped(hooks.stop, scheduler.sleep(host, script.durationMs * (0.5 + scheduler.random())))
    const ending = await this.#end(body, job, hooks, script)
    this.running.delete(body)
    this.#around.onActivity()
    return ending
  }

  async #end(body: LiveBody, job: Job, hooks: JobHooks, script: Script): Promise<Ending> {
    const { host } = body
    const { scheduler, targets, watch, clockOf } = this.#around
    if (hooks.stop.reason !== undefined) return failed(hooks.stop.reason)
    if (clockOf(host) >= body.validUntil && isKilledInTime(body)) return failed('lost')
    const asked = await this.#askBudget(body, job, hooks, script)
    if (asked !== undefined) return asked
    const failures = this.#failed.get(job.task.id) ?? 0
    if (failures < script.failures) {
      this.#failed.set(job.task.id, failures + 1)
      return failed('failed')
    }
    if (!(await hooks.mayPublish())) return failed('lost')
    watch.mayPublish(body)
    // A frozen host may publish after its lease: nobody can fence a rename. It is whole, so it may stand.
    await scheduler.effect(host, `publish ${job.task.label}`, 'write', async () => targets.write(job.task.id))
    return { outcome: 'succeeded' }
  }

  /** What becomes of an attempt that asks something of its budget; undefined if it goes on. */
  async #askBudget(body: LiveBody, job: Job, hooks: JobHooks, { asks }: Script): Promise<Ending | undefined> {
    const [name] = Object.keys(job.budgets)
    if (asks === undefined) return undefined
    if (asks === 'more') {
      if (name === undefined) return undefined
      const reservation = await hooks.reserve(name, 1)
      if (reservation === undefined) return { ...failed('over_budget'), checkpoint: job.attempt }
      this.#give(name, { amount: 1, endsAt: reservation.endsAt }, job.task.label)
      return undefined
    }
    if (this.#rested.has(job.task.id)) return undefined
    this.#rested.add(job.task.id)
    const { scheduler, watch, clockOf } = this.#around
    const retryAt = Math.floor(clockOf(body.host) + LONGEST_REST_MS * scheduler.random())
    if (name !== undefined) {
      await hooks.block(name, retryAt)
      watch.rests(name, retryAt)
    }
    watch.asksAgain(body, retryAt)
    return { ...failed('throttled'), retryAt }
  }

  /** False if the host was held up so long that the watchdog kills the body at once. */
  #begin(body: LiveBody, job: Job): boolean {
    const { targets, watch, violate, hasSucceeded, scriptOf } = this.#around
    if (!watch.isValid(body)) return false
    this.#around.onActivity()
    const isThere = ({ id }: { id: string }) => targets.isWhole(id) || watch.believed.has(id)
    for (const upstream of job.upstreams)
      if (!isThere(upstream)) violate(`${job.task.label} runs before ${upstream.label}`)
    watch.begins(body, job)
    if (hasSucceeded(body.taskId) && watch.isValid(body))
      violate(`${job.task.label} runs again in ${body.run}, though it had succeeded`)
    for (const upstream of job.dependencies)
      if (!isThere(upstream)) violate(`${job.task.label} goes on before what it yielded: ${upstream.label}`)
    this.running.add(body)
    this.#checkResources()
    this.#checkBudgets(job)
    this.begun.push(body.taskId)
    if (scriptOf(body.taskId).writesItself) targets.writeHalf(body.taskId)
    return true
  }

  /** Bodies that run at once within valid leases never need more than there is. */
  #checkResources(): void {
    const used: { [name: string]: number } = {}
    for (const body of this.running)
      if (this.#around.watch.isValid(body))
        for (const [name, weight] of Object.entries(body.resources)) used[name] = (used[name] ?? 0) + weight
    for (const [name, sum] of Object.entries(used))
      if (sum > (this.#most.resources[name]?.limit ?? 0))
        this.#around.violate(`${name} is used ${sum} times at once`)
  }

  /** Bodies that began never had more of a budget's window than there is; what a lost one had counts as spent. */
  #checkBudgets({ budgets, task }: Job): void {
    for (const [name, reservation] of Object.entries(budgets)) this.#give(name, reservation, task.label)
  }

  #give(name: string, { amount, endsAt }: Reservation, label: string): void {
    const window = `${name} until ${endsAt}`
    const given = (this.#given.get(window) ?? 0) + amount
    this.#given.set(window, given)
    if (given > (this.#most.budgets[name]?.limit ?? 0))
      this.#around.violate(`${label} has ${window}, of which ${given} have been given`)
  }
}

/** What was found complete when it was yielded: nothing of it is looked at further. */
const looked = (found: FoundTask): FoundTask => ({ ...found, complete: true, upstreams: [], requires: [] })

const failed = (outcome: Ending['outcome']): Ending => ({ outcome, failure: { outcome, message: outcome } })

/** Ends with the wait, or at once when the body is asked to stop. */
async function untilStopped(stop: JobHooks['stop'], wait: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  stop.onStop(() => resolve())
  await Promise.race([wait, promise])
}

/**
 * Whether the body of a frozen engine was killed at the end of its lease, as children and commands are, so that the engine hears
 * of it when it thaws. The others stand for bodies that no supervisor reaches, and may publish late.
 */
const isKilledInTime = ({ nonce }: LiveBody) => nonce.charCodeAt(nonce.length - 1) % 2 === 0
