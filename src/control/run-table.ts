import { setImmediate as passTurn } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { SluiceError } from '../core/errors.ts'
import { keys } from '../core/keys.ts'
import { DEFAULT_POOL, MissingTaskError, type PlannedTask } from '../core/plan.ts'
import type { Run } from '../core/records/run.ts'
import { hasTaskEnded, isRunOpen, type TaskStatus } from '../core/records/status.ts'
import type { TaskRun } from '../core/records/task-run.ts'
import { findRun } from './find-runs.ts'
import type { Home } from './home.ts'

/*
 * What graphs, timelines and histories need of all tasks of a run, in memory: about 100 bytes a task. Pages are cut from it.
 *
 * 1. The plan of a run is read once. It never changes; tasks that it gains are read when their task runs appear.
 * 2. A task run that has ended never changes. So a block of 1,000 numbers whose tasks have all ended is never read again, and
 *    a table of a run that has ended is final.
 * 3. One reader at a time fills a table; others wait for it. Between blocks the event loop goes on.
 * 4. Tables of at most a million tasks together are kept; the one that was not used for the longest time goes first.
 */

/** Numbers of one look at the store. */
const BLOCK = 1_000
/** The most tasks of all tables together, and of one. */
export const MAX_TABLE_TASKS = 1_000_000
/** A table of a larger run is looked at again only after so long. */
const LARGE = 5_000
const LARGE_LOOK_MS = 2_000

/** The family of a join, which is no task of the user. */
export const NO_FAMILY = -1

/** Lists of numbers by number, one behind the other. */
class NumberLists {
  readonly #first: number[] = []
  readonly #flat: number[] = []
  readonly #length: number[] = []
  readonly #added = new Map<number, number[]>()

  set(number: number, list: Iterable<number>): void {
    this.#first[number] = this.#flat.length
    for (const each of list) this.#flat.push(each)
    this.#length[number] = this.#flat.length - (this.#first[number] ?? 0)
  }

  add(number: number, value: number): void {
    this.#added.set(number, [...(this.#added.get(number) ?? []), value])
  }

  *of(number: number): Generator<number> {
    const first = this.#first[number] ?? 0
    const end = first + (this.#length[number] ?? 0)
    for (let at = first; at < end; at++) yield this.#flat[at] as number
    yield* this.#added.get(number) ?? []
  }
}

/** All tasks of a run: their edges, families, statuses and times, by number. */
export class RunTable {
  /** Numbers of the tasks, joins left out. */
  readonly numbers: number[] = []
  readonly families: string[] = []
  /** Index of the family, or {@link NO_FAMILY}. */
  readonly familyOf: number[] = []
  readonly upstreams = new NumberLists()
  readonly dependents = new NumberLists()
  readonly status: TaskStatus[] = []
  readonly pool: string[] = []
  /** 0: not yet. */
  readonly startedAt: number[] = []
  readonly endedAt: number[] = []
  /** How often a task was added or changed. */
  version = 0
  /** How many nodes the plan had when the run was opened. */
  readonly #planned: number
  readonly #familyIndex = new Map<string, number>()
  /** How many tasks of each block have not ended. */
  readonly #open: number[] = []

  constructor(planned: number) {
    this.#planned = planned
  }

  has(number: number): boolean {
    return this.familyOf[number] !== undefined
  }

  findFamily(family: string): number {
    return this.#familyIndex.get(family) ?? NO_FAMILY
  }

  add({ number, family, join, upstreams, dependents, policy, yielder }: PlannedTask): void {
    if (this.has(number)) return
    this.version++
    // The plan of a task that yields does not change, so it does not name the join that gathers what it yielded.
    if (join && dependents.some(([dependent]) => dependent === yielder))
      this.upstreams.add(yielder as number, number)
    this.upstreams.set(number, upstreams)
    this.dependents.set(
      number,
      dependents.map(([dependent]) => dependent),
    )
    this.familyOf[number] = join ? NO_FAMILY : this.#indexFamily(family)
    if (join) return
    this.numbers.push(number)
    this.status[number] = 'pending'
    this.pool[number] = policy.pool ?? DEFAULT_POOL
    this.startedAt[number] = 0
    this.endedAt[number] = 0
    const block = Math.floor(number / BLOCK)
    this.#open[block] = (this.#open[block] ?? 0) + 1
  }

  #indexFamily(family: string): number {
    const known = this.#familyIndex.get(family)
    if (known !== undefined) return known
    this.#familyIndex.set(family, this.families.length)
    return this.families.push(family) - 1
  }

  update({ number, status, startedAt = 0, endedAt = 0, join }: TaskRun): void {
    const before = this.status[number]
    if (join || before === undefined) return
    if (before === status && this.startedAt[number] === startedAt) return
    this.version++
    if (hasTaskEnded(status) && !hasTaskEnded(before))
      this.#open[Math.floor(number / BLOCK)] = (this.#open[Math.floor(number / BLOCK)] ?? 0) - 1
    this.status[number] = status
    this.startedAt[number] = startedAt
    this.endedAt[number] = endedAt
  }

  /** The first number at or after another one whose block may still change. */
  findOpenNumber(number: number): number {
    let at = number
    while (this.#isSettled(Math.floor(at / BLOCK))) at = (Math.floor(at / BLOCK) + 1) * BLOCK
    return at
  }

  /** Blocks beyond the plan may still get tasks. */
  #isSettled(block: number): boolean {
    return (block + 1) * BLOCK <= this.#planned && (this.#open[block] ?? 0) === 0
  }
}

interface Kept {
  table: RunTable
  /** Nothing of it can change any more. */
  isFinal: boolean
  lookedAt: number
  reading?: Promise<void> | undefined
}

const caches = new WeakMap<Home, LRUCache<string, Kept>>()

/** The table of a run as it is now; that of a large open run may be two seconds old. */
export async function readRunTable(home: Home, run: Run): Promise<RunTable> {
  const header = run.status === 'planning' ? undefined : await home.context.ports.plans.header(run.id)
  if (header === undefined) return new RunTable(0)
  const size = run.tasks ?? header.size
  if (size > MAX_TABLE_TASKS)
    throw new SluiceError('invalid_usage', `Run ${run.id} has more than a million tasks.`, {
      hint: 'Look at its list of tasks, with a filter.',
    })
  const cache = cacheOf(home)
  const name = `${run.id} ${run.createdAt}`
  const kept = cache.get(name) ?? { table: new RunTable(header.size), isFinal: false, lookedAt: 0 }
  cache.set(name, kept, { size: size + 1 })
  // What another reader began may be older than this question.
  await kept.reading?.catch(() => undefined)
  if (!kept.isFinal && isLookDue(home, kept, run)) {
    kept.reading ??= fillTable(home, run, kept, header.size).finally(() => {
      kept.reading = undefined
    })
    await kept.reading.catch((error) => throwIfForgotten(home, run, error))
  }
  return kept.table
}

/** A run that was forgotten while its table was read is unknown, which is no defect. */
async function throwIfForgotten(home: Home, run: Run, error: unknown): Promise<never> {
  if (error instanceof MissingTaskError) await findRun(home, run.id)
  throw error
}

function cacheOf(home: Home): LRUCache<string, Kept> {
  const known = caches.get(home)
  if (known !== undefined) return known
  const made = new LRUCache<string, Kept>({ maxSize: MAX_TABLE_TASKS + 1 })
  caches.set(home, made)
  return made
}

function isLookDue(home: Home, { table, lookedAt }: Kept, run: Run): boolean {
  if (table.numbers.length < LARGE || !isRunOpen(run.status)) return true
  return home.context.ports.clock.steady() - lookedAt >= LARGE_LOOK_MS
}

async function fillTable(home: Home, run: Run, kept: Kept, planned: number): Promise<void> {
  const { table } = kept
  const { store, plans, clock } = home.context.ports
  for (let from = 0; from < planned; from += BLOCK) {
    if (table.has(Math.min(from + BLOCK, planned) - 1)) continue
    const numbers = Array.from({ length: Math.min(BLOCK, planned - from) }, (_, index) => from + index)
    for (const task of await plans.tasks(run.id, numbers)) table.add(task)
    await passTurn()
  }
  for (let from = table.findOpenNumber(0); ; ) {
    const listed = await store.list({
      prefix: keys.taskRuns(run.id),
      limit: BLOCK,
      consistency: 'strong',
      ...(from === 0 ? {} : { after: keys.taskRun(run.id, from - 1) }),
    })
    const tasks = listed.map(({ record }) => record)
    const added = tasks.filter(({ number }) => !table.has(number)).map(({ number }) => number)
    for (const task of await plans.tasks(run.id, added)) table.add(task)
    for (const task of tasks) table.update(task)
    const last = tasks.at(-1)
    if (last === undefined || tasks.length < BLOCK) break
    from = table.findOpenNumber(last.number + 1)
    await passTurn()
  }
  kept.lookedAt = clock.steady()
  kept.isFinal = !isRunOpen(run.status)
}
