import type {
  JobEnd,
  JobNews,
  JobState,
  Launcher,
  LaunchOrder,
  LaunchQuery,
  LaunchRefusal,
  OpenJob,
} from '../../src/core/ports/launching.ts'

/** A job as the fake service has it. */
export interface FakeJob<D = object> {
  handle: string
  order: LaunchOrder<D>
  state: JobState
  /** Somebody has asked to stop it. */
  isStopAsked: boolean
}

/** Jobs in one look, and in one page of a list. */
const MAX_LOOK = 100

/** How the fake service behaves; a test changes it at any time. */
export interface FakeBehaviour<D = object> {
  /** The next launch is refused so; called for each, before anything else. */
  refuse(order: LaunchOrder<D>): LaunchRefusal | undefined
  /** What becomes of the question to stop a job: at once, later by the test, or never. */
  stops: 'at once' | 'later' | 'never'
  /** Whether it launches once under a token; some services do not, and have to be asked first. */
  hasTokens: boolean
  /** Where a job is that was just accepted. */
  first: 'waiting' | 'queued'
  /** How many jobs may be open at once; more are refused for want of capacity. */
  capacity: number
  /** How often each piece of news is told: none is lost news, two is news told twice. */
  tellings(): number
}

/**
 * A service that runs nothing: the test says how its jobs go on. `news` is what it tells by itself, in the order in which it
 * happened; a test reorders it as it likes.
 */
export class FakeLauncher<D = object> implements Launcher<D> {
  readonly jobs = new Map<string, FakeJob<D>>()
  readonly news: JobNews[] = []
  readonly behaviour: FakeBehaviour<D> = {
    refuse: () => undefined,
    stops: 'at once',
    hasTokens: true,
    first: 'queued',
    capacity: Number.POSITIVE_INFINITY,
    tellings: () => 1,
  }
  readonly #now: () => number
  readonly #byToken = new Map<string, string>()

  constructor(now: () => number) {
    this.#now = now
  }

  /** Jobs that have not ended, in the order in which they were launched. */
  get open(): FakeJob<D>[] {
    return [...this.jobs.values()].filter(({ state }) => state.is !== 'ended')
  }

  async launch(order: LaunchOrder<D>) {
    const known = this.#byToken.get(order.handover.token)
    if (known !== undefined && this.behaviour.hasTokens) return { is: 'launched' as const, handle: known }
    const refusal = this.behaviour.refuse(order)
    if (refusal !== undefined) return refusal
    if (this.open.length >= this.behaviour.capacity)
      return { is: 'no_capacity' as const, message: 'no capacity is left' }
    const handle = `job-${String(this.jobs.size + 1).padStart(6, '0')}`
    this.#byToken.set(order.handover.token, handle)
    this.jobs.set(handle, {
      handle,
      order,
      state: { is: this.behaviour.first, times: {} },
      isStopAsked: false,
    })
    return { is: 'launched' as const, handle }
  }

  readonly maxLook = MAX_LOOK

  async look(handles: readonly string[]) {
    if (handles.length > MAX_LOOK) throw new Error(`${handles.length} handles in one look`)
    return handles.map((handle) => structuredClone(this.jobs.get(handle)?.state))
  }

  /** Only where it was launched. */
  async find({ token, target }: LaunchQuery) {
    const handle = this.#byToken.get(token)
    const job = handle === undefined ? undefined : this.jobs.get(handle)
    return job?.order.target === target ? handle : undefined
  }

  async stop(handle: string, reason: string) {
    const job = this.jobs.get(handle)
    if (job === undefined || job.state.is === 'ended') return
    job.isStopAsked = true
    if (this.behaviour.stops === 'at once') this.end(handle, { cause: 'cancelled', message: reason })
  }

  async list(after = ''): Promise<{ jobs: OpenJob[]; cursor?: string }> {
    const open = this.open.filter(({ handle }) => handle > after)
    const jobs = open
      .slice(0, MAX_LOOK)
      .map(({ handle, order: { handover } }) => ({ handle, handover: { ...handover } }))
    return { jobs, ...(open.length > MAX_LOOK && { cursor: jobs.at(-1)?.handle ?? '' }) }
  }

  /** The job goes on to a later part of its time. */
  move(handle: string, is: 'pulling' | 'starting' | 'running'): void {
    const { state } = this.#job(handle)
    if (state.is === 'ended') return
    const times = { ...state.times, [`${is}At`]: this.#now() }
    this.#tell(handle, { is, times })
  }

  /** The job ends. */
  end(handle: string, end: JobEnd): void {
    const { state } = this.#job(handle)
    if (state.is === 'ended') return
    this.#tell(handle, { is: 'ended', end, times: { ...state.times, endedAt: this.#now() } })
  }

  /** The service forgets a job, as services do some time after its end, or if its cluster is gone. */
  forget(handle: string): void {
    this.jobs.delete(handle)
  }

  #tell(handle: string, state: JobState): void {
    const job = this.#job(handle)
    job.state = state
    const news = { handle, handover: job.order.handover, state }
    for (let times = this.behaviour.tellings(); times > 0; times--) this.news.push(news)
  }

  #job(handle: string): FakeJob<D> {
    const job = this.jobs.get(handle)
    if (job === undefined) throw new Error(`there is no job ${handle}`)
    return job
  }
}
