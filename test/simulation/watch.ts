import type { Change, Stored } from '../../src/core/change.ts'
import { type Key, keys } from '../../src/core/keys.ts'
import { computeFreeCapacity } from '../../src/core/limit-row.ts'
import type { RetryPolicy } from '../../src/core/plan.ts'
import type { Delivery, Message, MessageQuery } from '../../src/core/ports/deciding.ts'
import type { Job, JobHooks } from '../../src/core/ports/working.ts'
import type { Limit, WaitItem } from '../../src/core/records/lock-and-limit.ts'
import type { Run } from '../../src/core/records/run.ts'
import type { Attempt, TaskRun } from '../../src/core/records/task-run.ts'
import { MessageWatch } from './watch-messages.ts'

/** A body that really runs, whatever the records say of it. */
export interface LiveBody {
  taskId: string
  run: string
  number: number
  attempt: number
  nonce: string
  host: string
  resources: { [name: string]: number }
  stop: JobHooks['stop']
  /** The end of the lease as its host was last told, by the clock of its host. */
  validUntil: number
}

/** What the assertions look at. */
export interface Watched {
  records: ReadonlyMap<string, Stored>
  bodies: ReadonlySet<LiveBody>
  /** The clock of a host. */
  clockOf(host: string): number
  /** The clock that is ahead of all others. */
  fastestClock(): number
  isDead(host: string): boolean
  /** Since when a host has not defined a family, by its clock; undefined if it does. */
  lackingSince(host: string, family: string): number | undefined
  violate(what: string): void
}

/** How long a run that was seen open counts as open. */
const KNOWN_MS = 5_000
const LONGEST_DELAY_MS = 60 * 60_000
const LONGEST_FREE_DELAY_MS = 5 * 60_000
/** How persons' hosts are called. */
export const PERSON = 'person'

export const nameOf = ({ run, number, attempt }: Message) => `${run}/${number}/${attempt}`

/**
 * Looks at each write and each body for what must never be. What is right is derived here from the bodies that run and
 * from what they have told, not from the records that a wrong rule may have just changed.
 */
export class Watch {
  readonly #world: Watched
  /** Looks at what the queue gives. */
  readonly messages: MessageWatch
  /** When each host last read a run that was not cancelled, and from when on an attempt may have been claimed, by its nonce. */
  readonly #readOpen = new Map<string, number>()
  readonly #claimedFrom = new Map<string, number>()
  readonly #firstTaken = new Map<string, number>()
  /** When each host went on with an attempt of which there is no message. */
  readonly #handedOn = new Map<string, number>()
  /** Until when budgets have asked to be left alone. */
  readonly #rests = new Map<string, number>()
  /** When attempts have asked to be repeated. */
  readonly #retryAts = new Map<string, number>()
  /** Attempts that have waited for a lock or a limit: by the clock of some host their delay is over. */
  readonly #hasWaited = new Set<string>()
  /** Attempts whose host has been told that they are not its own any more. */
  readonly #told = new Map<string, Change>()
  readonly #extended = new Map<string, string>()
  /** Keys of tasks that a person has counted as succeeded. */
  readonly marked = new Set<string>()
  /** Ids of these tasks: what is in their targets is believed. */
  readonly believed = new Set<string>()
  /** Ids of tasks that ended because a person had cancelled them, by key; known also when the run is being forgotten. */
  readonly cancelled = new Map<string, string>()

  constructor(world: Watched) {
    this.#world = world
    this.messages = new MessageWatch(world)
  }

  /** A host has read these records. */
  read(host: string, records: (Stored | undefined)[]): void {
    for (const record of records)
      if (record?.kind === 'run' && record.status === 'running' && record.cancelledAt === undefined)
        this.#readOpen.set(`${host} ${record.id}`, this.#world.clockOf(host))
  }

  /** A host was given these messages. */
  took(host: string, query: MessageQuery, deliveries: Delivery[]): void {
    this.messages.took(host, query, deliveries)
    for (const { message } of deliveries) {
      const taken = `${host} ${nameOf(message)}`
      this.#firstTaken.set(taken, this.#firstTaken.get(taken) ?? this.#world.clockOf(host))
    }
  }

  /** A host goes on with an attempt of which there is no message. */
  handsOn(host: string, message: Message): void {
    const name = `${host} ${nameOf(message)}`
    this.#handedOn.set(name, this.#world.clockOf(host))
    this.#firstTaken.set(name, this.#firstTaken.get(name) ?? this.#world.clockOf(host))
  }

  /** A host has written; `before` has the records that stood. */
  wrote(host: string, changes: readonly Change[], before: readonly (Stored | undefined)[]): void {
    changes.forEach((change, index) => {
      const after = this.#world.records.get(change.key)
      const old = before[index]
      if (after?.kind === 'taskRun') {
        this.#checkTask(after)
        this.#noteCancelled(change.key, after)
        if (old?.kind === 'taskRun') this.#checkMove(host, old, after, changes)
        // A claim may be on its way since the first of the messages that its host has not settled.
        if (after.status === 'running' && after.nonce !== undefined && !this.#claimedFrom.has(after.nonce))
          this.#claimedFrom.set(after.nonce, this.#findBeginOfClaim(host, nameOf(after)))
      }
      if (after?.kind === 'attempt') this.#checkLoss(host, after)
      if (after?.kind === 'limit' && old?.kind === 'limit') this.#checkLimit(old, after)
    })
  }

  /** A host was refused to extend a lease; once it is told, it has to stop its body. */
  refused(host: string, change: Change): void {
    const { key, if: condition } = change
    const nonce = typeof condition === 'object' && 'nonce' in condition ? condition.nonce : undefined
    const body = [...this.#world.bodies].find((each) => each.nonce === nonce && each.host === host)
    const record = this.#world.records.get(key) as TaskRun | undefined
    const isTaken = record === undefined || record.status !== 'running' || record.nonce !== nonce
    if (body === undefined || !isTaken) return
    // The same write may be done twice before it is answered.
    const before = this.#told.get(body.nonce)
    if (before !== undefined && before !== change && body.stop.reason === undefined)
      this.#violate(`${body.taskId} goes on in ${body.run} though its attempt is no longer its own`)
    this.#told.set(body.nonce, change)
  }

  /** A body is about to begin. */
  begins(body: LiveBody, job: Job): void {
    const { bodies, clockOf } = this.#world
    const now = clockOf(body.host)
    for (const other of bodies)
      if (other.taskId === body.taskId && this.isValid(other))
        this.#violate(`${job.task.label} runs twice at once, in ${other.run} and ${body.run}`)
    const before = nameOf({ ...body, attempt: body.attempt - 1 })
    // An attempt whose host died before its end was written has asked in vain.
    const isLost = this.#attempt(job.run, job.task.number, body.attempt - 1)?.outcome === 'lost'
    const asked = isLost ? 0 : (this.#retryAts.get(before) ?? 0)
    const earliest = Math.max(this.#delayedUntil(job, body.attempt), asked)
    if (now < earliest && !this.#hasWaited.has(nameOf(body)))
      this.#violate(`${job.task.label} starts again ${earliest - now} ms too early`)
    this.#checkDefined(body, job)
    const cancelledAt = (this.#world.records.get(keys.run(body.run)) as Run | undefined)?.cancelledAt
    if (cancelledAt === undefined) return
    const known = this.#readOpen.get(`${body.host} ${body.run}`) ?? 0
    if (known <= (this.#claimedFrom.get(body.nonce) ?? 0) - KNOWN_MS)
      this.#violate(`${job.task.label} starts in ${body.run}, which is cancelled`)
  }

  /** A host may publish: the attempt has to be its own now. */
  mayPublish({ run, number, attempt, nonce, taskId }: LiveBody): void {
    const record = this.#world.records.get(keys.taskRun(run, number)) as TaskRun | undefined
    if (record?.status !== 'running' || record.nonce !== nonce || record.attempt !== attempt)
      this.#violate(`${taskId} may publish in ${run} though its attempt is over`)
  }

  /** A budget is to be left alone until then. */
  rests(name: string, until: number): void {
    this.#rests.set(name, Math.max(until, this.#rests.get(name) ?? 0))
  }

  /** An attempt has asked to be repeated at an instant. */
  asksAgain(body: LiveBody, retryAt: number): void {
    this.#retryAts.set(nameOf(body), retryAt)
  }

  /** What is yielded has numbers of its own. */
  extended(run: string, base: number, ids: string[]): void {
    const name = `${run} ${base}`
    const all = ids.join(' ')
    if ((this.#extended.get(name) ?? all) !== all)
      this.#violate(`two yields of ${run} have the number ${base}`)
    this.#extended.set(name, all)
  }

  /** Whether the lease of a body has not ended by the clock of its host; a host whose process is dead has none. */
  isValid({ host, validUntil }: LiveBody): boolean {
    return !this.#world.isDead(host) && this.#world.clockOf(host) < validUntil
  }

  #findBeginOfClaim(host: string, name: string): number {
    return this.messages.findFirstOpenTake(host, name) || (this.#handedOn.get(`${host} ${name}`) ?? 0)
  }

  #violate(what: string): void {
    this.#world.violate(what)
  }

  /** When the attempt may begin at the earliest, as the ends of those before it say. */
  #delayedUntil({ run, task }: Job, attempt: number): number {
    const ends = Array.from({ length: attempt - 1 }, (_, index) => this.#attempt(run, task.number, index + 1))
    const last = ends.at(-1)
    const failures = ends.filter((each) => each?.outcome === 'failed').length
    if (failures >= task.policy.retry.attempts)
      this.#violate(`${task.label} begins again after ${failures} failures`)
    // After a yield it goes by what was yielded, not by a clock.
    if (last === undefined || last.outcome === 'yielded') return 0
    const same = ends.filter((each) => each?.outcome === last.outcome).length
    return last.endedAt + leastDelayMs(last.outcome, same, task.policy.retry)
  }

  #attempt(run: string, number: number, attempt: number): Attempt | undefined {
    return this.#world.records.get(keys.attempt(run, number, attempt)) as Attempt | undefined
  }

  #noteCancelled(key: string, { status, cancelledAt, taskId }: TaskRun): void {
    if (status === 'cancelled' && cancelledAt !== undefined) this.cancelled.set(key, taskId)
    else this.cancelled.delete(key)
  }

  #checkTask(task: TaskRun): void {
    if (task.status !== 'running' && (task.nonce !== undefined || task.leaseUntil !== undefined))
      this.#violate(`${task.run} ${task.taskId} is ${task.status} and still has a nonce or a lease`)
  }

  #checkMove(host: string, before: TaskRun, after: TaskRun, changes: readonly Change[]): void {
    const key = keys.taskRun(after.run, after.number)
    if (host.startsWith(PERSON) && after.status === 'succeeded') {
      this.marked.add(key)
      this.believed.add(after.taskId)
    }
    if (before.status === 'running' && after.status !== 'running' && before.worker !== host) {
      const isLost = changes.some(
        (each) => 'put' in each && each.put.kind === 'attempt' && each.put.outcome === 'lost',
      )
      if (!isLost) this.#violate(`${key} runs and is made ${after.status} by ${host}`)
    }
    if (before.status !== 'running' && after.status === 'running') this.#checkClaim(after, changes)
    if (after.status === 'waiting') this.#hasWaited.add(nameOf(after))
    if (before.status === 'waiting' && after.status === 'queued') this.#checkLine(before)
  }

  /** A host runs nothing that it did not define when it was given the message; what it cannot run it puts back. */
  #checkDefined(body: LiveBody, { task, upstreams }: Job): void {
    // A claim may have looked at the definitions long before the same message came once more.
    const taken = this.#firstTaken.get(`${body.host} ${nameOf(body)}`) ?? Number.POSITIVE_INFINITY
    for (const { family, label } of [task, ...upstreams]) {
      const since = this.#world.lackingSince(body.host, family)
      if (since !== undefined && since < taken)
        this.#violate(`${task.label} runs on ${body.host}, which does not define ${label}`)
    }
  }

  /** Nothing is claimed of a budget that is to be left alone, by the clock of any host. */
  #checkClaim(task: TaskRun, changes: readonly Change[]): void {
    for (const each of changes) {
      if (!('put' in each) || each.put.kind !== 'limit') continue
      const rest = this.#rests.get(each.put.name) ?? 0
      if (each.put.of === 'budget' && this.#world.fastestClock() < rest)
        this.#violate(`${task.taskId} has ${each.put.name}, which is to be left alone`)
    }
  }

  /** Who is served stands before all others who wait for as much or less: by priority, then by age. */
  #checkLine(served: TaskRun): void {
    const row = served.waitsFor
    if (row === undefined || row === 'target' || row === 'capacity' || !row.startsWith(keys.limits)) return
    for (const other of this.#world.records.values()) {
      if (other.kind !== 'taskRun' || other.status !== 'waiting' || other.waitsFor !== row) continue
      const isBefore =
        other.priority > served.priority ||
        (other.priority === served.priority && (other.waitingSince ?? 0) < (served.waitingSince ?? 0))
      // Of a budget what fits goes on; where anything is left, one is.
      const weight = row.startsWith(keys.limit('budget', '')) ? this.#waitOf(row, other)?.weight : 1
      if (isBefore && weight === 1)
        this.#violate(`${served.taskId} is served before ${other.taskId}, which stands before it`)
    }
  }

  #waitOf(row: Key<'lock' | 'limit'>, { run, number }: TaskRun): WaitItem | undefined {
    for (const [key, record] of this.#world.records)
      if (record.kind === 'wait' && key.startsWith(keys.waits(row)))
        if (record.run === run && record.number === number) return record
    return undefined
  }

  /** An attempt is not lost within its lease, but by the end of its host. */
  #checkLoss(host: string, { run, number, attempt, outcome }: Attempt): void {
    if (outcome !== 'lost') return
    for (const body of this.#world.bodies)
      if (body.run === run && body.number === number && body.attempt === attempt && body.host !== host)
        if (this.isValid(body)) this.#violate(`${body.taskId} of ${run} is declared lost within its lease`)
  }

  #checkLimit(before: Limit, after: Limit): void {
    const isLowered = after.limit < before.limit || computeFreeCapacity(before) < 0
    if (!isLowered && computeFreeCapacity(after) < 0)
      this.#violate(`${after.of} ${after.name} is beyond its limit`)
  }
}

/** How long at least an attempt waits after one that ended so, for the nth time. */
function leastDelayMs(outcome: Attempt['outcome'], times: number, retry: RetryPolicy): number {
  switch (outcome) {
    case 'failed':
    case 'timed_out':
    case 'out_of_memory':
      if (retry.backoff === 'fixed') return retry.delayMs
      return Math.floor(Math.min(retry.delayMs * 2 ** (times - 1), LONGEST_DELAY_MS) / 2)
    case 'lost':
    case 'interrupted':
    case 'not_started':
    case 'throttled':
    case 'over_budget':
      return times <= 1 ? 0 : Math.min(500 * 2 ** (times - 1), LONGEST_FREE_DELAY_MS / 2)
    case 'succeeded':
    case 'yielded':
    case 'cancelled':
      return 0
  }
}
