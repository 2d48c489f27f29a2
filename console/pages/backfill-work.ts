import { signal } from '@preact/signals'
import type { Changes, Started } from '../../src/control/control.ts'
import { type ApiProblem, askApi } from '../api.ts'
import { findRetryMs, mayPass } from '../loading.ts'
import { toProblem } from '../parts.tsx'
import { type Asked, askIntervals } from './backfill-model.ts'

/** A backfill that this tab works on, or has worked on. */
export interface Backfill {
  pipeline: string
  asked: Asked
  /** `follows`: every interval has its run, and the last runs have not ended. */
  phase: 'starts' | 'follows' | 'stopped' | 'ended'
  all: number
  /** Intervals that are dealt with: of these, started, joined to an open run, or complete. */
  done: number
  started: number
  joined: number
  complete: number
  /** Runs of it that are open, and that did not succeed. */
  open: number
  failed: number
  /** The interval that is dealt with now. */
  at: string
  /** Why it stopped there, or is tried again. */
  problem: ApiProblem | undefined
}

/** Backfills of this tab, by pipeline. They go on while other pages are looked at. */
export const backfills = signal<ReadonlyMap<string, Backfill>>(new Map())

/** Whether it still has runs to start, so that the tab has to stay open. */
export const isStarting = ({ phase }: Backfill): boolean => phase === 'starts'

const PAGE = 100
/** Runs that are followed at once, those that only wait included: the API takes no more. */
const MOST_OPEN = 1_000
/** Only how runs stand is wanted, and no event: none is so late. */
const NO_EVENTS = Number.MAX_SAFE_INTEGER

/** Starts what is not complete in a span, the oldest first. A span that was begun before goes on: open runs are joined. */
export function startBackfill(pipeline: string, asked: Asked): void {
  const none = { all: 0, done: 0, started: 0, joined: 0, complete: 0, open: 0, failed: 0 }
  tell(pipeline, { pipeline, asked, phase: 'starts', ...none, at: '', problem: undefined })
  addEventListener('beforeunload', askBeforeLeaving)
  const work = new Work(pipeline, asked)
  works.get(pipeline)?.stop()
  works.set(pipeline, work)
  void work.run()
}

/** Starts no more runs; those that are started go on. */
export function stopBackfill(pipeline: string): void {
  works.get(pipeline)?.stop()
  change(pipeline, { phase: 'stopped', problem: undefined })
}

const works = new Map<string, Work>()

function tell(pipeline: string, backfill: Backfill): void {
  backfills.value = new Map(backfills.value).set(pipeline, backfill)
  if (![...backfills.value.values()].some(isStarting)) removeEventListener('beforeunload', askBeforeLeaving)
}

function change(pipeline: string, part: Partial<Backfill>): void {
  const old = backfills.value.get(pipeline)
  if (old !== undefined) tell(pipeline, { ...old, ...part })
}

const askBeforeLeaving = (event: Event) => event.preventDefault()

const sleep = (ms: number) => new Promise<void>((wake) => setTimeout(wake, ms))

/** The work on one backfill. */
class Work {
  readonly #pipeline: string
  readonly #asked: Asked
  /** Open runs, and whether each only waits for targets that others make. */
  readonly #open = new Map<string, boolean>()
  #isStopped = false
  #failed = 0

  constructor(pipeline: string, asked: Asked) {
    this.#pipeline = pipeline
    this.#asked = asked
  }

  stop(): void {
    this.#isStopped = true
  }

  async run(): Promise<void> {
    try {
      await this.#startAll()
      this.#tell({ phase: 'follows' })
      while (this.#open.size > 0 && !this.#isStopped) await this.#look()
      this.#tell({ phase: 'ended' })
    } catch (error) {
      this.#tell({ phase: 'stopped', problem: toProblem(error) })
    }
  }

  async #startAll(): Promise<void> {
    const counts = { all: 0, done: 0, started: 0, joined: 0, complete: 0 }
    let cursor: string | undefined
    do {
      const place = { cursor, limit: PAGE }
      const page = await this.#insist(() => askIntervals(this.#pipeline, this.#asked, place))
      counts.all = page.all ?? counts.all
      for (const { start, end, name, isComplete } of page.intervals) {
        this.#tell({ at: name })
        const became = isComplete ? 'complete' : await this.#startInterval({ start, end })
        if (became === undefined) return
        counts[became] += 1
        counts.done += 1
        this.#tell({ ...counts, open: this.#open.size })
      }
      cursor = page.next ?? undefined
    } while (cursor !== undefined)
  }

  /** Undefined if it was stopped before. */
  async #startInterval(interval: object): Promise<'started' | 'joined' | 'complete' | undefined> {
    while (!this.#isStopped && !this.#hasPlace()) await this.#look()
    if (this.#isStopped) return undefined
    const body = { name: this.#pipeline, interval }
    const started = await this.#insist(() => askApi<Started>('/runs', { method: 'POST', body }))
    if (!('run' in started)) return 'complete'
    if (!this.#open.has(started.run)) this.#open.set(started.run, false)
    return started.opened ? 'started' : 'joined'
  }

  /** A run that only waits for what others make holds no place, or the first ones whose input is late would hold up all others. */
  #hasPlace(): boolean {
    const active = [...this.#open.values()].filter((onlyAwaits) => !onlyAwaits).length
    return active < Number(this.#asked.runs) && this.#open.size < MOST_OPEN
  }

  /** Looks at the open runs once, and waits until the next look is due. */
  async #look(): Promise<void> {
    const body = { runs: [...this.#open.keys()], since: NO_EVENTS }
    const { runs, lookAgainMs } = await this.#insist(() =>
      askApi<Changes>('/changes', { method: 'POST', body }),
    )
    this.#open.clear()
    for (const { run, status, onlyAwaits } of runs)
      if (status === 'planning' || status === 'running') this.#open.set(run, onlyAwaits)
      else if (status !== 'succeeded') this.#failed += 1
    this.#tell({ open: this.#open.size, failed: this.#failed })
    if (this.#open.size > 0) await sleep(lookAgainMs)
  }

  /** Asks again for as long as that may help. */
  async #insist<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    for (let failures = 1; ; failures++) {
      try {
        const answer = await ask()
        if (failures > 1) this.#tell({ problem: undefined })
        return answer
      } catch (error) {
        const problem = toProblem(error)
        if (!mayPass(problem) || this.#isStopped) throw error
        this.#tell({ problem })
        await sleep(findRetryMs(failures))
      }
    }
  }

  /** What was stopped says no more: it may have been started again. */
  #tell(part: Partial<Backfill>): void {
    if (!this.#isStopped) change(this.#pipeline, part)
  }
}
