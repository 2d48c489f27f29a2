import {
  applyChange,
  type Change,
  conditionHolds,
  type Stored,
  type WriteResult,
} from '../../src/core/change.ts'
import type { Store } from '../../src/core/ports/deciding.ts'
import type { Entry } from './state.ts'

/** What a store has to hold after the writes that it has said to have applied, and what it has to answer. */
export class ModelStore {
  readonly records = new Map<string, Stored>()
  readonly #violate: (what: string) => void

  constructor(violate: (what: string) => void) {
    this.#violate = violate
  }

  /** A host's write was applied, or refused: its conditions say which of them is right. */
  apply(host: string, changes: readonly Change[], result: WriteResult): void {
    const isRight = changes.every((change) => conditionHolds(change, this.records.get(change.key)))
    const keys = changes.map(({ key }) => key).join(' ')
    if (result.ok !== isRight)
      this.#violate(
        `${host} writes ${keys}, which is ${result.ok ? 'applied' : 'refused'} against its conditions`,
      )
    if (!result.ok)
      for (const { index, current } of result.failures)
        this.#compare(`${host} is told of what stood`, changes[index]?.key ?? '', current)
    else for (const change of changes) this.#set(change)
  }

  /** A store whose answers are compared. */
  compared(host: string, store: Store): Store {
    return {
      ...store,
      read: async (wanted) => {
        const records = await store.read(wanted)
        wanted.forEach((key, index) => {
          this.#compare(`${host} reads`, key, records[index])
        })
        return records
      },
      list: async (query) => {
        const found = await store.list(query)
        const { prefix, after = '', limit = Number.POSITIVE_INFINITY } = query
        this.#compareAll(
          `${host} lists ${prefix}`,
          found as Entry[],
          limit,
          (key) => key.startsWith(prefix) && key > after,
        )
        return found
      },
      due: async (query) => {
        const found = await store.due(query)
        const isDue = (record: Stored) => 'dueAt' in record && (record.dueAt ?? Infinity) <= query.before
        this.#compareAll(`${host} looks for what is due`, found, query.limit, (_, record) => isDue(record))
        return found
      },
    }
  }

  #set(change: Change): void {
    const after = applyChange(change, this.records.get(change.key))
    if (after === undefined) this.records.delete(change.key)
    else this.records.set(change.key, after)
  }

  #compareAll(
    what: string,
    found: readonly Entry[],
    limit: number,
    isWanted: (key: string, record: Stored) => boolean,
  ): void {
    for (const { key, record } of found) this.#compare(what, key, record)
    let count = 0
    for (const [key, record] of this.records) if (isWanted(key, record)) count++
    if (found.length !== Math.min(count, limit)) this.#violate(`${what}: ${found.length} of ${count} records`)
  }

  #compare(what: string, key: string, found: Stored | undefined): void {
    const stands = this.records.get(key)?.version
    if (found?.version !== stands)
      this.#violate(`${what}: ${key} of version ${found?.version}, but ${stands} stands`)
  }
}
