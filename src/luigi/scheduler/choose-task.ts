import { Amounts, sumRunningAmounts } from './amounts.ts'
import { RankedList } from './ranked-list.ts'
import { ALL_KEY, makeWorkerKey, type ReadyGroup, RUNNABLE_KEY } from './ready-tasks.ts'
import type { SchedulerState } from './state.ts'
import { compareRank, type LuigiTask } from './task.ts'
import { countProcesses, isAssistant, type LuigiWorker } from './worker.ts'

/** Whether a worker takes its own tasks in turn, because nothing that others do holds them back. */
export const isTrivialWorker = (state: SchedulerState, worker: LuigiWorker): boolean =>
  !isAssistant(worker) && !state.needsResources(worker.id)

/**
 * The task that this worker should run next; undefined if it can run none now. `mayHelp`: it also takes tasks that other
 * workers have added.
 */
export function chooseTask(
  state: SchedulerState,
  worker: LuigiWorker,
  mayHelp: boolean,
  now: number,
): LuigiTask | undefined {
  if (state.settings.paused) return undefined
  if (isTrivialWorker(state, worker)) return state.ready.firstOf(worker.id)
  return new Walk(state, worker, mayHelp, now).choose()
}

/** A place in a list of tasks that can start, or (without a group) in those that run. */
interface Cursor {
  number: number
  head: LuigiTask
  rest: Iterator<LuigiTask>
  group?: ReadyGroup
  /** Whose list it is. */
  owner?: string
  /** In this list the owner only reserves. */
  isReserving?: true
}

/**
 * Goes through what runs and what could run, by rank. A task that this worker cannot run now reserves a free process of a
 * worker that can, with its resources, so that a less urgent task does not take them away.
 *
 * It does not look at all tasks. Tasks that can start are in groups of equal resources and in lists of those who may run
 * them. What is reserved only grows, and free processes only become fewer, so
 * 1. a group that once does not fit never fits again in this walk, and is left out;
 * 2. a list is left out once its worker has no free process; this worker's own stays as long as its group can be chosen.
 * Hence the number of steps is bounded by free processes and lists, and not by tasks.
 */
class Walk {
  readonly #state: SchedulerState
  readonly #worker: LuigiWorker
  readonly #mayHelp: boolean
  /** Free processes of each worker that has asked for work lately. */
  readonly #slots: Map<string, number>
  /** What the running tasks take. */
  readonly #used: Amounts
  /** What was met so far on the way takes, whether it runs or is reserved. */
  readonly #reserved = new Amounts()
  readonly #queue = new RankedList<Cursor>((a, b) => compareRank(a.head, b.head) || a.number - b.number)
  readonly #closed = new Set<ReadyGroup>()

  constructor(state: SchedulerState, worker: LuigiWorker, mayHelp: boolean, now: number) {
    this.#state = state
    this.#worker = worker
    this.#mayHelp = mayHelp
    this.#slots = countFreeProcesses(state, now)
    this.#used = sumRunningAmounts(state.withStatus('RUNNING'))
    let number = 0
    const running = [...state.withStatus('RUNNING')].sort(compareRank)
    this.#open({ number: number++, rest: running.values() })
    for (const group of state.ready.groups()) {
      // A helper reserves a process even for a task that nobody can run, as an external one.
      const all = mayHelp ? group.lists.get(ALL_KEY)?.from() : undefined
      if (all !== undefined)
        this.#open({ number: number++, rest: all, group, owner: worker.id, isReserving: true })
      for (const owner of new Set([worker.id, ...this.#slots.keys()])) {
        const isMine = owner === worker.id
        const key = isMine && mayHelp ? RUNNABLE_KEY : makeWorkerKey(owner)
        const rest = group.lists.get(key)?.from()
        if (rest !== undefined) this.#open({ number: number++, rest, group, owner })
      }
    }
  }

  choose(): LuigiTask | undefined {
    let last: LuigiTask | undefined
    for (let cursor = this.#queue.first(); cursor !== undefined; cursor = this.#queue.first()) {
      this.#queue.remove(cursor)
      const { head, group } = cursor
      if (group === undefined) this.#passRunning(head)
      else if (this.#isOpen(group) && head !== last) {
        if (this.#mayChoose(group) && this.#mayRun(head)) return head
        this.#reserve(head)
        last = head
      }
      if (this.#isUseful(cursor)) this.#open(cursor)
    }
    return undefined
  }

  #open(cursor: Omit<Cursor, 'head'>): void {
    const next = cursor.rest.next()
    if (!next.done) this.#queue.add({ ...cursor, head: next.value })
  }

  #passRunning({ workerRunning, resourcesRunning }: LuigiTask): void {
    const slots = workerRunning === null ? undefined : this.#slots.get(workerRunning)
    if (workerRunning === null || slots === undefined) return
    this.#slots.set(workerRunning, slots - 1)
    this.#reserved.take(resourcesRunning)
  }

  /** Whether tasks of the group fit beside what is reserved. */
  #isOpen(group: ReadyGroup): boolean {
    if (this.#closed.has(group)) return false
    if (this.#reserved.hasRoomFor(group.resources, this.#state.settings.resources)) return true
    this.#closed.add(group)
    return false
  }

  #mayRun(task: LuigiTask): boolean {
    return task.workers.has(this.#worker.id) || (this.#mayHelp && task.runnable)
  }

  #mayChoose({ resources }: ReadyGroup): boolean {
    return this.#used.hasRoomFor(resources, this.#state.settings.resources)
  }

  #reserve(task: LuigiTask): void {
    for (const id of this.#mayHelp ? [...task.workers, this.#worker.id] : task.workers) {
      const slots = this.#slots.get(id) ?? 0
      if (slots <= 0) continue
      this.#slots.set(id, slots - 1)
      this.#reserved.take(task.resources)
      return
    }
  }

  #isUseful({ group, owner, isReserving }: Cursor): boolean {
    if (group === undefined) return true
    if (this.#closed.has(group)) return false
    if ((this.#slots.get(owner ?? '') ?? 0) > 0) return true
    return owner === this.#worker.id && !isReserving && this.#mayChoose(group)
  }
}

function countFreeProcesses(state: SchedulerState, now: number): Map<string, number> {
  const slots = new Map<string, number>()
  for (const worker of state.workers())
    if (worker.lastGetWork !== null && worker.lastGetWork > now - state.config.worker_disconnect_delay)
      slots.set(worker.id, countProcesses(worker))
  return slots
}
