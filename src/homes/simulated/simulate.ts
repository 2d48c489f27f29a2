import { makeScheduledRequest } from '../../control/requests.ts'
import { describeInterval, makeScheduleIntervals, type Span } from '../../core/calendar.ts'
import { parsePipelineOfRun } from '../../core/identity.ts'
import { keys } from '../../core/keys.ts'
import type { CheckableTask } from '../../core/ports/deciding.ts'
import type { Ending } from '../../core/ports/working.ts'
import type { OpenInterval } from '../../core/records/run.ts'
import type { Failure } from '../../core/records/task-run.ts'
import type { Pipeline } from '../../define/pipeline.ts'
import type { TaskInstance } from '../../define/task.ts'
import { advanceFeed } from '../../engine/advance.ts'
import { type ClaimedAttempt, claimAttempt } from '../../engine/claim.ts'
import type { Context } from '../../engine/context.ts'
import { finishAttempt } from '../../engine/finish.ts'
import { joinOrOpenRun } from '../../engine/open-run.ts'
import { planTaskGraph } from '../../engine/plan-graph.ts'
import { computePoolCapacities } from '../../engine/pool-capacity.ts'
import { readSchedule, setSchedulePaused, tickSchedule } from '../../engine/schedules.ts'
import { tickDueRecords } from '../../engine/tick.ts'
import { makePlanningDefinitions } from '../../planning/planning.ts'
import { checkPlanLimits, makeCheckedLimits, parseOutages, parseSimulatedRange } from './checks.ts'
import { FOREVER_MS, makeVirtualHome, NOWHERE, type VirtualHome } from './home.ts'
import type {
  AttemptToBe,
  SimulatedAttempt,
  SimulatedRun,
  SimulateOptions,
  Simulation,
} from './simulation.ts'

const DAY_MS = 24 * 60 * 60_000
/** Long enough for whatever is still open at the end. */
const AFTER_MS = 31 * DAY_MS

/** What `simulate` of the library does; see there. */
export async function runSimulation(
  pipelines: Pipeline | readonly Pipeline[],
  options: SimulateOptions,
): Promise<Simulation> {
  const simulator = new Simulator([pipelines].flat() as Pipeline[], options)
  return simulator.run()
}

interface SimulatedBody {
  claimed: ClaimedAttempt
  attempt: AttemptToBe
  endsAt: number
}

class Simulator {
  readonly #pipelines: Pipeline[]
  readonly #options: SimulateOptions
  readonly #range: Span
  readonly #outages: Span[]
  readonly #context: Context
  readonly #home: VirtualHome
  /** Ids of tasks whose targets are there. */
  readonly #complete = new Set<string>()
  readonly #attempts: SimulatedAttempt[] = []
  readonly #planning = makePlanningDefinitions(NOWHERE)
  #active: SimulatedBody[] = []
  #now: number

  constructor(pipelines: Pipeline[], options: SimulateOptions) {
    this.#pipelines = pipelines
    this.#options = options
    this.#range = parseSimulatedRange(options)
    this.#outages = parseOutages(options)
    this.#now = this.#range.start
    const completeness = {
      areComplete: async (tasks: CheckableTask[]) => tasks.map((task) => this.#isComplete(task)),
    }
    const limits = makeCheckedLimits(pipelines, options)
    this.#home = makeVirtualHome(() => this.#now, limits, completeness, options.state)
    this.#context = this.#home.context
  }

  async run(): Promise<Simulation> {
    try {
      await this.#simulate()
      return { runs: await this.#runs(), attempts: this.#attempts }
    } finally {
      this.#home.close()
    }
  }

  async #simulate(): Promise<void> {
    for (const { name } of this.#pipelines) await setSchedulePaused(this.#context, name, false)
    for (;;) {
      await this.#settle()
      const next = await this.#nextInstant()
      if (next === undefined || next > this.#range.end + AFTER_MS) break
      this.#now = next
      await this.#loseInOutage()
      await this.#endAttempts()
    }
  }

  /** Does everything that there is to do now. */
  async #settle(): Promise<void> {
    await this.#schedule()
    await tickDueRecords(this.#context)
    for (let turn = 0; ; turn++) {
      let isBusy = false
      while ((await advanceFeed(this.#context)) > 0) isBusy = true
      isBusy = (await this.#take(turn)) || isBusy
      if (!isBusy) return
      await this.#schedule()
    }
  }

  async #schedule(): Promise<void> {
    for (const pipeline of this.#pipelines)
      if (pipeline.schedule !== undefined && this.#now <= this.#range.end) {
        const start = (interval: OpenInterval) => this.#start(pipeline, interval)
        const [unstarted] = await tickSchedule(this.#context, pipeline.name, pipeline.schedule, start)
        // A schedule goes on without it; the test of one is told.
        if (unstarted !== undefined) throw unstarted.error
      }
  }

  async #start(pipeline: Pipeline, interval: OpenInterval): Promise<string | undefined> {
    const { root, request } = makeScheduledRequest(pipeline, interval)
    if (root === undefined || this.#complete.has(root.id)) return undefined
    const definitions = {
      areComplete: async (tasks: TaskInstance[]) =>
        tasks.map(({ id, definition }) => this.#isComplete({ id, policy: definition.policy })),
      describe: this.#planning.describe,
    }
    const plan = async () => {
      const made = await planTaskGraph(pipeline.name, root, definitions, this.#now)
      checkPlanLimits(made, this.#context.settings.limits)
      return made
    }
    return (await joinOrOpenRun(this.#context, request, plan)).run
  }

  #isComplete({ id, policy }: Pick<CheckableTask, 'id' | 'policy'>): boolean {
    return policy.external !== undefined || this.#complete.has(id)
  }

  async #take(turn: number): Promise<boolean> {
    const { queue } = this.#context.ports
    const { concurrency = 100 } = this.#options
    const deliveries = await queue.take({
      pools: await computePoolCapacities(this.#context, turn),
      limit: concurrency - this.#active.length,
      visibilityMs: FOREVER_MS,
    })
    for (const delivery of deliveries) {
      const result = await claimAttempt(this.#context, delivery.message)
      if (result.is === 'early') {
        await queue.putBack(delivery, result.delayMs)
        continue
      }
      await queue.acknowledge([delivery])
      if (result.is === 'ours') this.#begin(result.claimed)
    }
    return deliveries.length > 0
  }

  #begin(claimed: ClaimedAttempt): void {
    const { task, planned } = claimed
    const { family, params } = planned
    const attempt = {
      pipeline: parsePipelineOfRun(task.run),
      family,
      params,
      attempt: task.attempt,
      at: new Date(this.#now),
    }
    const { durationSeconds = 60 } = this.#options
    const seconds = typeof durationSeconds === 'number' ? durationSeconds : durationSeconds(attempt)
    this.#active.push({ claimed, attempt, endsAt: this.#now + Math.max(1, Math.round(seconds * 1000)) })
  }

  async #endAttempts(): Promise<void> {
    const due = this.#active.filter(({ endsAt }) => endsAt <= this.#now)
    this.#active = this.#active.filter(({ endsAt }) => endsAt > this.#now)
    for (const { claimed, attempt } of due) await this.#end(claimed, attempt, this.#endingOf(attempt))
  }

  #endingOf(attempt: AttemptToBe): Ending {
    const failure = this.#options.fail?.(attempt)
    if (failure === undefined) return { outcome: 'succeeded' }
    const { outcome, message = 'simulated' } =
      typeof failure === 'string' ? { outcome: 'failed' as const, message: failure } : failure
    return { outcome, failure: { outcome, message } satisfies Failure }
  }

  async #end(claimed: ClaimedAttempt, attempt: AttemptToBe, ending: Ending): Promise<void> {
    if (ending.outcome === 'succeeded') this.#complete.add(claimed.planned.id)
    await finishAttempt(this.#context, claimed, ending)
    const { run } = claimed.task
    this.#attempts.push({ ...attempt, run, outcome: ending.outcome, endedAt: new Date(this.#now) })
  }

  /** When an outage begins, everything that runs is lost; time goes on at its end. */
  async #loseInOutage(): Promise<void> {
    const outage = this.#outages.find(({ start, end }) => start <= this.#now && this.#now < end)
    if (outage === undefined) return
    this.#now = outage.end
    const lost = this.#active
    this.#active = []
    const failure: Failure = { outcome: 'lost', message: 'it was lost in the outage' }
    for (const { claimed, attempt } of lost) await this.#end(claimed, attempt, { outcome: 'lost', failure })
  }

  /** The next instant at which something can happen; undefined if nothing will. */
  async #nextInstant(): Promise<number | undefined> {
    const { store } = this.#context.ports
    const { wakes } = this.#home
    const isOver = this.#now >= this.#range.end
    const due = await store.due({ before: Number.MAX_SAFE_INTEGER, limit: Number.MAX_SAFE_INTEGER })
    const ends = this.#active.map(({ endsAt }) => endsAt)
    const dues = due.flatMap(({ record }) =>
      'dueAt' in record && !(record.kind === 'taskRun' && record.status === 'running')
        ? [record.dueAt ?? 0]
        : [],
    )
    const firings = isOver
      ? []
      : (await Promise.all(this.#pipelines.map((each) => this.#nextFiring(each)))).flat()
    const all = [...ends, ...dues, ...wakes, ...firings].filter((at) => at > this.#now)
    for (const at of wakes) if (at <= this.#now) wakes.delete(at)
    return all.length === 0 ? undefined : all.reduce((a, b) => Math.min(a, b))
  }

  async #nextFiring({ name, schedule }: Pipeline): Promise<number[]> {
    if (schedule === undefined) return []
    const intervals = makeScheduleIntervals(schedule)
    const { open } = await readSchedule(this.#context, name)
    const next = intervals.from(this.#now + 1).start
    const retries = open.flatMap(({ retryAt }) => retryAt ?? [])
    return [next, ...retries].filter((at) => at <= this.#range.end)
  }

  async #runs(): Promise<SimulatedRun[]> {
    const listed = await this.#context.ports.store.list({ prefix: keys.run(''), consistency: 'strong' })
    const zones = new Map(this.#pipelines.map(({ name, schedule }) => [name, schedule?.timeZone ?? 'UTC']))
    return listed
      .map(({ record }) => record)
      .sort((a, b) => a.createdAt - b.createdAt)
      .map(({ id, name, params, status, createdAt, endedAt, interval }) => ({
        run: id,
        pipeline: name,
        params,
        status,
        startedAt: new Date(createdAt),
        endedAt: endedAt === undefined ? undefined : new Date(endedAt),
        interval: interval && describeInterval(interval, zones.get(name) ?? 'UTC').start,
      }))
  }
}
