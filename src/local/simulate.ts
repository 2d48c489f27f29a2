import { memoryPlans } from '../adapters/memory/plans.ts'
import { memoryQueue } from '../adapters/memory/queue.ts'
import { memoryRecords } from '../adapters/memory/records.ts'
import { describeInterval, intervalsOf, type Span, spanOf } from '../core/calendar.ts'
import { SluiceError } from '../core/errors.ts'
import { limitProblems } from '../core/limits.ts'
import type { AttemptOutcome, Failure, Params, Run, RunStatus } from '../core/model.ts'
import type { Ending, Ports, Queue, Sending } from '../core/ports.ts'
import { type Config, checkConfig } from '../define/config.ts'
import type { Pipeline } from '../define/pipeline.ts'
import { planningOf, type Surroundings } from '../define/planning.ts'
import type { TaskInstance } from '../define/task.ts'
import { advance } from '../engine/advance.ts'
import { type Claimed, claim } from '../engine/claim.ts'
import type { Context } from '../engine/context.ts'
import { finish } from '../engine/finish.ts'
import { memoryAfter } from '../engine/memory.ts'
import { openRun } from '../engine/open-run.ts'
import { planGraph } from '../engine/plan-graph.ts'
import { poolRoom } from '../engine/room.ts'
import { pauseSchedule, readSchedule, tickSchedule } from '../engine/schedules.ts'
import { tick } from '../engine/tick.ts'
import { requestForInterval } from './requests.ts'

/** An attempt that is about to be made. */
export interface AttemptToBe {
  pipeline: string
  family: string
  params: Params
  /** From 1, counting every attempt. */
  attempt: number
  /** When it starts, on the virtual clock. */
  at: Date
}

/** How an attempt that does not succeed ends: the message of a failure, or another cause. */
export type SimulatedFailure = string | { outcome: AttemptOutcome; message?: string }

/** What is simulated. */
export interface SimulateOptions extends Pick<Config, 'pools' | 'resources' | 'budgets'> {
  /** First and last day (or hour, `2026-03-01T10`), in UTC; the last one is included. */
  from: string
  to: string
  /** Says which attempts do not succeed. @default all succeed */
  fail?: (attempt: AttemptToBe) => SimulatedFailure | undefined
  /** How long an attempt takes. @default 60 */
  durationSeconds?: number | ((attempt: AttemptToBe) => number)
  /** Times in which nothing runs, as ISO instants: what ran is lost, what was due is made up for. */
  outages?: readonly { from: string; to: string }[]
  /** How many attempts are made at once. @default 100 */
  concurrency?: number
}

/** A run of the simulation. */
export interface SimulatedRun {
  run: string
  pipeline: string
  params: Params
  status: RunStatus
  startedAt: Date
  endedAt: Date | undefined
  /** Begin of its interval, in the zone of the schedule. */
  interval: string | undefined
}

/** An attempt of the simulation. */
export interface SimulatedAttempt extends AttemptToBe {
  run: string
  outcome: AttemptOutcome
  endedAt: Date
}

/** What happened. */
export interface Simulation {
  /** In the order in which they were started. */
  runs: SimulatedRun[]
  attempts: SimulatedAttempt[]
}

const DAY_MS = 24 * 60 * 60_000
/** Long enough for whatever is still open at the end. */
const AFTER_MS = 31 * DAY_MS
const FOREVER_MS = 1_000 * DAY_MS

/** What `simulate` of the library does; see there. */
export async function runSimulation(
  pipelines: Pipeline | readonly Pipeline[],
  options: SimulateOptions,
): Promise<Simulation> {
  const simulator = new Simulator([pipelines].flat() as Pipeline[], options)
  return simulator.run()
}

interface Active {
  claimed: Claimed
  attempt: AttemptToBe
  endsAt: number
}

class Simulator {
  readonly #pipelines: Pipeline[]
  readonly #options: SimulateOptions
  readonly #range: Span
  readonly #outages: Span[]
  readonly #context: Context
  readonly #memory = memoryRecords()
  /** Ids of tasks whose targets are there. */
  readonly #complete = new Set<string>()
  readonly #attempts: SimulatedAttempt[] = []
  readonly #planning = planningOf(NOWHERE)
  /** Instants at which a message comes into sight. */
  readonly #wakes = new Set<number>()
  #active: Active[] = []
  #now: number

  constructor(pipelines: Pipeline[], options: SimulateOptions) {
    this.#pipelines = checked(pipelines, options)
    this.#options = options
    this.#range = rangeOf(options)
    this.#outages = (options.outages ?? []).map(({ from, to }) => ({
      start: Date.parse(from),
      end: Date.parse(to),
    }))
    this.#now = this.#range.start
    this.#context = this.#makeContext()
  }

  async run(): Promise<Simulation> {
    for (const { name } of this.#pipelines) await pauseSchedule(this.#context, name, false)
    for (;;) {
      await this.#settle()
      const next = await this.#nextInstant()
      if (next === undefined || next > this.#range.end + AFTER_MS) break
      this.#now = next
      await this.#loseInOutage()
      await this.#endAttempts()
    }
    return { runs: this.#runs(), attempts: this.#attempts }
  }

  /** Does everything that there is to do now. */
  async #settle(): Promise<void> {
    await this.#schedule()
    await tick(this.#context)
    for (let turn = 0; ; turn++) {
      let isBusy = false
      while ((await advance(this.#context)) > 0) isBusy = true
      isBusy = (await this.#take(turn)) || isBusy
      if (!isBusy) return
      await this.#schedule()
    }
  }

  async #schedule(): Promise<void> {
    for (const pipeline of this.#pipelines)
      if (pipeline.schedule !== undefined && this.#now <= this.#range.end)
        await tickSchedule(this.#context, pipeline.name, pipeline.schedule, (span) =>
          this.#start(pipeline, span),
        )
  }

  async #start(pipeline: Pipeline, span: Span): Promise<string | undefined> {
    const { root, request } = requestForInterval(pipeline, span)
    if (root === undefined || this.#complete.has(root.id)) return undefined
    const definitions = {
      areComplete: async (tasks: TaskInstance[]) => tasks.map((task) => this.#isComplete(task)),
      describe: this.#planning.describe,
    }
    const plan = () => planGraph(pipeline.name, root, definitions, this.#now)
    return (await openRun(this.#context, request, plan)).run
  }

  #isComplete({ id, definition }: TaskInstance): boolean {
    return definition.policy.external !== undefined || this.#complete.has(id)
  }

  async #take(turn: number): Promise<boolean> {
    const { queue } = this.#context.ports
    const { concurrency = 100 } = this.#options
    const deliveries = await queue.take({
      pools: await poolRoom(this.#context, turn),
      limit: concurrency - this.#active.length,
      visibilityMs: FOREVER_MS,
    })
    for (const delivery of deliveries) {
      const result = await claim(this.#context, delivery.message)
      if (result.is === 'early') {
        await queue.putBack(delivery, result.delayMs)
        this.#wakes.add(this.#now + result.delayMs)
        continue
      }
      await queue.acknowledge([delivery])
      if (result.is === 'ours') this.#begin(result.claimed)
    }
    return deliveries.length > 0
  }

  #begin(claimed: Claimed): void {
    const { task, planned } = claimed
    const { family, params } = planned
    const pipeline = (this.#memory.records.get(`run/${task.run}`) as unknown as Run).name
    const attempt = { pipeline, family, params, attempt: task.attempt, at: new Date(this.#now) }
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

  async #end(claimed: Claimed, attempt: AttemptToBe, told: Ending): Promise<void> {
    const ending = { ...told, ...memoryAfter(this.#context, claimed, told) }
    if (ending.outcome === 'succeeded') this.#complete.add(claimed.planned.id)
    await finish(this.#context, claimed, ending)
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

  /** The next instant at which something can happen; undefined where nothing will. */
  async #nextInstant(): Promise<number | undefined> {
    const { store } = this.#context.ports
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
    const all = [...ends, ...dues, ...this.#wakes, ...firings].filter((at) => at > this.#now)
    for (const at of this.#wakes) if (at <= this.#now) this.#wakes.delete(at)
    return all.length === 0 ? undefined : all.reduce((a, b) => Math.min(a, b))
  }

  async #nextFiring({ name, schedule }: Pipeline): Promise<number[]> {
    if (schedule === undefined) return []
    const intervals = intervalsOf(schedule)
    const { open } = await readSchedule(this.#context, name)
    const next = intervals.from(this.#now + 1).start
    const retries = open.flatMap(({ retryAt }) => retryAt ?? [])
    return [next, ...retries].filter((at) => at <= this.#range.end)
  }

  #runs(): SimulatedRun[] {
    const runs = [...this.#memory.records.values()].filter((record) => record.kind === 'run') as Run[]
    const zones = new Map(this.#pipelines.map(({ name, schedule }) => [name, schedule?.timeZone ?? 'UTC']))
    return runs
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

  #makeContext(): Context {
    const clock = { now: () => this.#now, sleep: async () => {}, idle: async () => {} }
    let nonces = 0
    const ports: Ports = {
      store: this.#memory.store,
      feed: this.#memory.feed,
      plans: memoryPlans(),
      queue: waking(memoryQueue(clock), (at) => this.#wakes.add(at), clock.now),
      completeness: {
        areComplete: async (tasks) =>
          tasks.map(({ id, policy }) => policy.external !== undefined || this.#complete.has(id)),
      },
      runner: { run: async () => ({ outcome: 'succeeded' }), beat() {}, async close() {} },
      clock,
      chance: { nonce: () => `n${++nonces}`, random: () => 0.5 },
      isGone: async () => false,
    }
    const { config } = checkConfig({ pipelines: [], ...limitsOf(this.#options) })
    const settings = {
      worker: 'simulated',
      leaseMs: FOREVER_MS,
      heartbeatMs: FOREVER_MS,
      skewMs: 0,
      auditMs: FOREVER_MS,
      limits: config.limits,
      defaultMemoryMb: 2_048,
      largestMemoryMb: 65_536,
    }
    return { ports, settings }
  }
}

/** A storage without anything in it: only names are needed. */
const NOWHERE: Surroundings = {
  storage: {
    uri: (path) => `simulated:${path}`,
    existMany: async (paths) => paths.map(() => false),
    list: async () => [],
    read: () => {
      throw new Error('bodies are not run in a simulation')
    },
    stage: async () => {
      throw new Error('bodies are not run in a simulation')
    },
    removeStaged: async () => {},
  },
  markers: { read: async (ids) => ids.map(() => undefined) },
}

function waking(queue: Queue, wake: (at: number) => void, now: () => number): Queue {
  const send = async (messages: Sending[]) => {
    for (const { delayMs } of messages) if (delayMs > 0) wake(now() + delayMs)
    await queue.send(messages)
  }
  return { ...queue, send }
}

const limitsOf = ({ pools, resources, budgets }: SimulateOptions) => ({
  ...(pools === undefined ? {} : { pools }),
  ...(resources === undefined ? {} : { resources }),
  ...(budgets === undefined ? {} : { budgets }),
})

function checked(pipelines: Pipeline[], options: SimulateOptions): Pipeline[] {
  const { config, problems } = checkConfig({ pipelines, ...limitsOf(options) })
  const all = [
    ...problems,
    ...pipelines.flatMap((each) => [...each.problems, ...(each.root?.problems ?? [])]),
    ...pipelines.flatMap(({ name, root }) =>
      root === undefined
        ? []
        : limitProblems(root.policy, config.limits).map((problem) => `${name}: ${problem}`),
    ),
    ...pipelines
      .filter(({ schedule }) => schedule === undefined)
      .map(({ name }) => `${name} has no schedule`),
  ]
  if (all.length > 0)
    throw new SluiceError('invalid_definition', `It cannot be simulated:\n- ${all.join('\n- ')}`)
  return pipelines
}

function rangeOf({ from, to }: SimulateOptions): Span {
  const [first, last] = [spanOf(from, 'UTC'), spanOf(to, 'UTC')]
  if (first !== undefined && last !== undefined && first.start <= last.start)
    return { start: first.start, end: last.end }
  throw new SluiceError('invalid_usage', `From ${from} to ${to} is no stretch of time.`, {
    hint: 'Write days such as 2026-03-01, the earlier one first.',
  })
}
