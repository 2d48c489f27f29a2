import { keys } from '../../src/core/keys.ts'
import { hasTaskEnded } from '../../src/core/records/status.ts'
import { formatHolderName, type TaskRun } from '../../src/core/records/task-run.ts'
import { cancelRun } from '../../src/engine/cancel.ts'
import type { Context } from '../../src/engine/context.ts'
import { type LaunchParts, launchDelivery } from '../../src/engine/launch.ts'
import {
  handleJobNews,
  type LookParts,
  lookAtDueJobs,
  sweepUnownedJobs,
} from '../../src/engine/launch-looks.ts'
import { tickDueRecords } from '../../src/engine/tick.ts'
import { seeded } from '../simulation/scheduler.ts'
import { type FakeJob, FakeLauncher } from '../support/fake-launcher.ts'
import { foundTask, stepwise } from '../support/stepwise.ts'
import { type JobWorld, Keepers } from './keepers.ts'
import { ToldJobs } from './told-jobs.ts'

/** What every world allows. */
const LIMITS = { most: 2, least: 0.1, burst: 3 }
const LAUNCHING = { startMs: 120_000, lookMs: 15_000 }
const ATTEMPTS = 3
const MAX_STEPS = 4_000
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f']

type Details = FakeJob['order']['details']
type Parts = LaunchParts<Details> & LookParts<Details>

/** Runs one plan of jobs elsewhere under faults of a seed; what it saw that must never be. */
export async function simulateLaunches(seed: number): Promise<string[]> {
  const world = await LaunchWorld.make(seed)
  await world.live()
  return world.violations
}

/** A service whose jobs go on by chance, and processes that are cut between any two effects. */
class LaunchWorld {
  readonly violations: string[] = []
  readonly #random: () => number
  readonly #engine = stepwise()
  readonly #launcher: FakeLauncher
  /** Failures of the user's programs, by task. */
  readonly #failures = new Map<number, number>()
  readonly #succeeded = new Map<number, number>()
  readonly #begunAt: number
  readonly #jobs: Keepers | ToldJobs
  #calls = 0
  #run = ''

  constructor(seed: number) {
    this.#random = seeded(seed)
    const { clock } = this.#engine
    this.#begunAt = clock.now()
    this.#launcher = new FakeLauncher(() => clock.now())
    const { behaviour } = this.#launcher
    behaviour.stops = 'later'
    behaviour.hasTokens = this.#chance(0.5)
    this.#jobs = this.#chance(0.5) ? new Keepers(this.#share()) : new ToldJobs(this.#share())
    behaviour.capacity = this.#chance(0.3) ? 2 : Number.POSITIVE_INFINITY
    behaviour.tellings = () => Math.floor(this.#random() * 3)
    behaviour.refuse = () => (this.#chance(0.1) ? { is: 'throttled', message: 'Rate exceeded' } : undefined)
  }

  static async make(seed: number): Promise<LaunchWorld> {
    const world = new LaunchWorld(seed)
    const retry = { attempts: ATTEMPTS, delayMs: 1_000, backoff: 'fixed' as const }
    const tasks = NAMES.map((id, index) => {
      const upstreams = index === 0 ? NAMES.slice(1) : []
      return foundTask(id, { retry }, { requires: upstreams, upstreams })
    })
    world.#run = await world.#engine.openPlan('p', tasks)
    return world
  }

  async live(): Promise<void> {
    const cancelsAt = this.#chance(0.25) ? Math.floor(this.#random() * 150) : -1
    for (let step = 0; step < MAX_STEPS; step++) {
      if (step === cancelsAt) await this.#cancel()
      await Promise.all([this.#act(), this.#act()])
      this.#check()
      if (this.violations.length > 0) return
      const run = await this.#engine.run(this.#run)
      if (run.endedAt !== undefined) return this.#rest()
    }
    this.violations.push(`the run did not end: ${JSON.stringify([...this.#engine.records.values()])}`)
  }

  async #act(): Promise<void> {
    const kind = this.#random()
    if (kind < 0.3) await this.#serve()
    else if (kind < 0.45) this.#engine.clock.advance(Math.floor(this.#random() * 20_000))
    else if (kind < 0.6) await this.#tick()
    else await this.#process(kind)
  }

  async #tick(): Promise<void> {
    await tickDueRecords({ ...this.#engine.context, launching: LAUNCHING })
    await this.#engine.settle()
  }

  /** What a process does until it is done or cut. */
  async #process(kind: number): Promise<void> {
    await this.#perform(async (context, parts) => {
      if (kind < 0.8) {
        const [delivery] = await context.ports.queue.take({
          limit: 1,
          visibilityMs: 15_000,
          pools: { default: 1 },
        })
        if (delivery !== undefined) await launchDelivery(context, parts, delivery)
      } else if (kind < 0.85) await lookAtDueJobs(context, parts)
      else if (kind < 0.88) await sweepUnownedJobs(context, parts.launcher)
      else await this.#tell(context, parts)
    })
  }

  /** Does something as one process; false if it was cut. */
  async #perform(does: (context: Context, parts: Parts) => Promise<void>): Promise<boolean> {
    const cut = Promise.withResolvers<boolean>()
    const end = () => cut.resolve(false)
    const done = does(this.#cutting(end), this.#parts(end)).then(() => true)
    const isWhole = await Promise.race([done, cut.promise])
    await this.#engine.settle()
    return isWhole
  }

  #share(): JobWorld {
    return {
      random: this.#random,
      launcher: this.#launcher,
      violations: this.violations,
      perform: (does) => this.#perform(does),
      note: (number, outcome) => this.#note(number, outcome),
      mayFail: (number) => (this.#failures.get(number) ?? 0) < ATTEMPTS - 1,
    }
  }

  /** News in any order, some again, and some never. */
  async #tell(context: Context, parts: Parts): Promise<void> {
    const { news } = this.#launcher
    const index = Math.floor(this.#random() * news.length)
    const told = news[index]
    if (told === undefined) return
    if (this.#chance(0.8)) news.splice(index, 1)
    if (this.#chance(0.7)) await handleJobNews(context, parts, told)
  }

  async #serve(): Promise<void> {
    const { open } = this.#launcher
    const job = open[Math.floor(this.#random() * open.length)]
    if (job === undefined) return
    if (job.state.is === 'running') await this.#jobs.serve(job)
    else if (job.isStopAsked && this.#chance(0.5))
      this.#launcher.end(job.handle, { cause: 'cancelled', message: 'stopped' })
    else if (this.#chance(0.1))
      this.#launcher.end(job.handle, { cause: 'never_started', message: 'no image' })
    else if (this.#chance(0.6)) this.#jobs.begin(job)
    else this.#launcher.move(job.handle, 'pulling')
  }

  #note(number: number, outcome: 'succeeded' | 'failed'): void {
    const counts = outcome === 'succeeded' ? this.#succeeded : this.#failures
    counts.set(number, (counts.get(number) ?? 0) + 1)
    if (outcome === 'succeeded') this.#engine.targets.add(this.#taskOf(number)?.taskId ?? '')
  }

  #taskOf(number: number) {
    const record = this.#engine.records.get(keys.taskRun(this.#run, number))
    return record?.kind === 'taskRun' ? record : undefined
  }

  async #cancel(): Promise<void> {
    const [run] = await this.#engine.context.ports.store.read([keys.run(this.#run)])
    if (run !== undefined) await cancelRun(this.#engine.context, run)
  }

  #check(): void {
    const { clock, records } = this.#engine
    const owners = [...this.#launcher.jobs.values()].map(({ order }) => formatHolderName(order.handover))
    if (new Set(owners).size < owners.length) this.violations.push('an attempt was launched twice')
    const most = LIMITS.burst + (LIMITS.most * (clock.now() - this.#begunAt)) / 1_000
    if (this.#calls > most) this.violations.push(`${this.#calls} launches, of which ${most} are allowed`)
    // A keeper that is killed before it has written the end leaves its success to the next attempt.
    for (const [number, times] of this.#succeeded)
      if (times > 1 && this.#jobs instanceof ToldJobs)
        this.violations.push(`task ${number} succeeded ${times} times`)
    for (const record of records.values()) if (record.kind === 'taskRun') this.#checkTask(record)
  }

  #checkTask({ number, status, counts = {} }: TaskRun): void {
    const { failed = 0 } = counts
    if (failed > (this.#failures.get(number) ?? 0))
      this.violations.push(`task ${number} has used up more tries than its user's failures`)
    if (status === 'succeeded' && !this.#succeeded.has(number))
      this.violations.push(`task ${number} counts as succeeded without a job that did`)
    if (hasTaskEnded(status) && this.#jobs.isRunning(number))
      this.violations.push(`task ${number} is ${status} and its job runs`)
  }

  /** After the sweep nothing runs that nobody owns. */
  async #rest(): Promise<void> {
    const { context } = this.#engine
    await sweepUnownedJobs(context, this.#launcher)
    for (const { handle, isStopAsked } of this.#launcher.open)
      if (!isStopAsked) this.violations.push(`${handle} goes on, though nobody owns it`)
    const run = await this.#engine.run(this.#run)
    if (run.cancelledAt === undefined && run.status !== 'succeeded')
      this.violations.push(`the run ${run.status}, though no task failed for good`)
  }

  #parts(cut: () => void): Parts {
    const inner = this.#launcher
    return {
      launcher: {
        launch: (order) =>
          this.#effect(cut, () => {
            this.#calls++
            return inner.launch(order)
          }),
        look: (handles) => this.#effect(cut, () => inner.look(handles)),
        find: (token) => this.#effect(cut, () => inner.find(token)),
        stop: (handle, reason) => this.#effect(cut, () => inner.stop(handle, reason)),
        list: (after) => inner.list(after),
      },
      governor: LIMITS,
      makeOrder: () => ({ target: 'job', details: {} }),
      ...(this.#jobs instanceof ToldJobs && { isMade: async ({ id }) => this.#engine.targets.has(id) }),
    }
  }

  /** The engine as one process that may be cut before or after each write. */
  #cutting(cut: () => void): Context {
    const { context } = this.#engine
    const { store } = context.ports
    const write: typeof store.write = (changes) => this.#effect(cut, () => store.write(changes))
    return {
      ...context,
      launching: LAUNCHING,
      ports: { ...context.ports, store: { ...store, write } },
    }
  }

  async #effect<T>(cut: () => void, perform: () => Promise<T>): Promise<T> {
    for (let turns = Math.floor(this.#random() * 4); turns > 0; turns--) await Promise.resolve()
    const fate = this.#random()
    const never = () => {
      cut()
      return new Promise<T>(() => {})
    }
    if (fate < 0.03) return never()
    const result = await perform()
    return fate > 0.97 ? never() : result
  }

  readonly #chance = (share: number) => this.#random() < share
}
