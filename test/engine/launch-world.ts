import { keys } from '../../src/core/keys.ts'
import type { PlannedTask } from '../../src/core/plan.ts'
import type { ByService } from '../../src/core/records/launch.ts'
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
import { FakeLauncher } from '../support/fake-launcher.ts'
import { foundTask, stepwise } from '../support/stepwise.ts'
import { type JobWorld, Keepers } from './keepers.ts'
import { ToldJobs } from './told-jobs.ts'

/** What every world allows. */
const LIMITS = { most: 2, least: 0.1, burst: 3 }
const LAUNCHING = { startMs: 120_000, lookMs: 15_000 }
const ATTEMPTS = 3
const MAX_STEPS = 4_000
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f']

type Parts = ByService<LaunchParts<unknown> & LookParts<unknown>>

/** A service of the world with its jobs. */
interface Service {
  name: string
  launcher: FakeLauncher
  jobs: Keepers | ToldJobs
  /** Launches that it was asked for. */
  calls: number
}

/** Runs one plan of jobs elsewhere under faults of a seed; what it saw that must never be. */
export async function simulateLaunches(seed: number): Promise<string[]> {
  const world = await LaunchWorld.make(seed)
  await world.live()
  return world.violations
}

/** One or two services whose jobs go on by chance, and processes that are cut between any two effects. */
class LaunchWorld {
  readonly violations: string[] = []
  readonly #random: () => number
  readonly #engine = stepwise()
  /** Failures of the user's programs, by task. */
  readonly #failures = new Map<number, number>()
  readonly #succeeded = new Map<number, number>()
  readonly #begunAt: number
  readonly #services: Service[]
  #run = ''

  constructor(seed: number) {
    this.#random = seeded(seed)
    const { clock } = this.#engine
    this.#begunAt = clock.now()
    const names = this.#chance(0.4) ? ['kept', 'told'] : [this.#chance(0.5) ? 'kept' : 'told']
    this.#services = names.map((name) => this.#makeService(name))
  }

  /** Both number their jobs alike, so that nothing but the record tells whose a handle is. */
  #makeService(name: string): Service {
    const launcher = new FakeLauncher(() => this.#engine.clock.now())
    const { behaviour } = launcher
    behaviour.stops = 'later'
    behaviour.hasTokens = this.#chance(0.5)
    const jobs = name === 'kept' ? new Keepers(this.#share(launcher)) : new ToldJobs(this.#share(launcher))
    if (name === 'told' && this.#chance(0.5)) behaviour.first = 'waiting'
    behaviour.capacity = this.#chance(0.3) ? 2 : Number.POSITIVE_INFINITY
    behaviour.tellings = () => Math.floor(this.#random() * 3)
    behaviour.refuse = () => (this.#chance(0.1) ? { is: 'throttled', message: 'Rate exceeded' } : undefined)
    return { name, launcher, jobs, calls: 0 }
  }

  /** Where the job of a task is launched; the last service has what no other has. */
  #placeOf({ id }: Pick<PlannedTask, 'id'>) {
    const index = Math.max(0, NAMES.indexOf(id)) % this.#services.length
    return { service: this.#services[index]?.name ?? '', target: `target-of-${id}` }
  }

  #anyService(): Service {
    const service = this.#services[Math.floor(this.#random() * this.#services.length)]
    if (service === undefined) throw new Error('a world has a service')
    return service
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
      else if (kind < 0.88)
        for (const { launcher } of Object.values(parts)) await sweepUnownedJobs(context, launcher)
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

  #share(launcher: FakeLauncher): JobWorld {
    return {
      random: this.#random,
      launcher,
      violations: this.violations,
      perform: (does) => this.#perform(does),
      note: (number, outcome) => this.#note(number, outcome),
      mayFail: (number) => (this.#failures.get(number) ?? 0) < ATTEMPTS - 1,
    }
  }

  /** News in any order, some again, and some never. */
  async #tell(context: Context, parts: Parts): Promise<void> {
    const { news } = this.#anyService().launcher
    const index = Math.floor(this.#random() * news.length)
    const told = news[index]
    if (told === undefined) return
    if (this.#chance(0.8)) news.splice(index, 1)
    if (this.#chance(0.7)) await handleJobNews(context, parts, told)
  }

  async #serve(): Promise<void> {
    const { launcher, jobs } = this.#anyService()
    const job = launcher.open[Math.floor(this.#random() * launcher.open.length)]
    if (job === undefined) return
    // However long it takes.
    const waits = job.state.is === 'waiting' && this.#chance(0.9)
    if (job.state.is === 'running') await jobs.serve(job)
    else if (job.isStopAsked && this.#chance(0.5))
      launcher.end(job.handle, { cause: 'cancelled', message: 'stopped' })
    else if (waits) return
    else if (this.#chance(0.1)) launcher.end(job.handle, { cause: 'never_started', message: 'no image' })
    else if (this.#chance(0.6)) jobs.begin(job)
    else launcher.move(job.handle, 'pulling')
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
    const owners = this.#services.flatMap(({ launcher }) =>
      [...launcher.jobs.values()].map(({ order }) => formatHolderName(order.handover)),
    )
    if (new Set(owners).size < owners.length) this.violations.push('an attempt was launched twice')
    const most = LIMITS.burst + (LIMITS.most * (clock.now() - this.#begunAt)) / 1_000
    for (const { name, calls } of this.#services)
      if (calls > most) this.violations.push(`${calls} launches of ${name}, of which ${most} are allowed`)
    // A keeper that is killed before it has written the end leaves its success to the next attempt.
    for (const [number, times] of this.#succeeded)
      if (times > 1 && this.#serviceOf(number)?.jobs instanceof ToldJobs)
        this.violations.push(`task ${number} succeeded ${times} times`)
    for (const record of records.values()) if (record.kind === 'taskRun') this.#checkTask(record)
  }

  #checkTask({ number, status, counts = {} }: TaskRun): void {
    const { failed = 0 } = counts
    if (failed > (this.#failures.get(number) ?? 0))
      this.violations.push(`task ${number} has used up more tries than its user's failures`)
    if (status === 'succeeded' && !this.#succeeded.has(number))
      this.violations.push(`task ${number} counts as succeeded without a job that did`)
    if (hasTaskEnded(status) && this.#services.some(({ jobs }) => jobs.isRunning(number)))
      this.violations.push(`task ${number} is ${status} and its job runs`)
  }

  /** After the sweep nothing runs that nobody owns. */
  async #rest(): Promise<void> {
    const { context } = this.#engine
    for (const { launcher } of this.#services) {
      await sweepUnownedJobs(context, launcher)
      for (const { handle, isStopAsked } of launcher.open)
        if (!isStopAsked) this.violations.push(`${handle} goes on, though nobody owns it`)
    }
    const run = await this.#engine.run(this.#run)
    if (run.cancelledAt === undefined && run.status !== 'succeeded')
      this.violations.push(`the run ${run.status}, though no task failed for good`)
  }

  #serviceOf(number: number): Service | undefined {
    const id = this.#taskOf(number)?.taskId ?? ''
    return this.#services.find(({ name }) => name === this.#placeOf({ id }).service)
  }

  #parts(cut: () => void): Parts {
    return Object.fromEntries(
      this.#services.map((service) => [service.name, this.#partsOf(service, cut)] as const),
    )
  }

  #partsOf(service: Service, cut: () => void): LaunchParts<object> & LookParts<object> {
    const { launcher: inner, jobs, name } = service
    return {
      launcher: {
        maxLook: 2,
        launch: (order) =>
          this.#effect(cut, () => {
            service.calls++
            return inner.launch(order)
          }),
        look: (handles) => this.#effect(cut, () => inner.look(handles)),
        find: (launch) => this.#effect(cut, () => inner.find(launch)),
        stop: (handle, reason) =>
          this.#effect(cut, () => {
            const isWaiting = inner.jobs.get(handle)?.state.is === 'waiting'
            if (isWaiting && reason.includes('not_started'))
              this.violations.push(`${handle} waits at its service, and is stopped`)
            return inner.stop(handle, reason)
          }),
        list: (after) => inner.list(after),
      },
      governor: { ...LIMITS, bucket: name },
      makeDetails: () => ({ details: {} }),
      ...(jobs instanceof ToldJobs && { isMade: async ({ id }) => this.#engine.targets.has(id) }),
    }
  }

  /** The engine as one process that may be cut before or after each write. */
  #cutting(cut: () => void): Context {
    const { context } = this.#engine
    const { store } = context.ports
    const write: typeof store.write = (changes) => this.#effect(cut, () => store.write(changes))
    return {
      ...context,
      launching: { ...LAUNCHING, placeOf: (planned) => this.#placeOf(planned) },
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
