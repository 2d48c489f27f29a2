/** A chunk that grows beyond this is split: moving so many pointers takes less than a microsecond. */
const MAX_CHUNK = 512

/**
 * A list that stays in order. Adding and removing take the logarithm of its size, and the first item none.
 * The order of an item must not change while it is in the list.
 */
export class RankedList<T> {
  readonly #compare: (a: T, b: T) => number
  readonly #chunks: T[][] = []

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare
  }

  /** Whether nothing is in the list. */
  get isEmpty(): boolean {
    return this.#chunks.length === 0
  }

  add(item: T): void {
    const at = Math.min(this.#findChunk(item), this.#chunks.length - 1)
    const chunk = this.#chunks[at]
    if (chunk === undefined) {
      this.#chunks.push([item])
      return
    }
    chunk.splice(this.#findPlace(chunk, item), 0, item)
    if (chunk.length > MAX_CHUNK) this.#chunks.splice(at + 1, 0, chunk.splice(MAX_CHUNK / 2))
  }

  /** Removes an item; nothing happens if it is not in the list. */
  remove(item: T): void {
    const at = this.#findChunk(item)
    const chunk = this.#chunks[at]
    if (chunk === undefined) return
    const place = this.#findPlace(chunk, item)
    if (chunk[place] !== item) return
    chunk.splice(place, 1)
    if (chunk.length === 0) this.#chunks.splice(at, 1)
  }

  first(): T | undefined {
    return this.#chunks[0]?.[0]
  }

  /** The items in order, from this one on if it is given. The list must not change meanwhile. */
  *from(item?: T): Generator<T, void> {
    let at = item === undefined ? 0 : this.#findChunk(item)
    const first = this.#chunks[at]
    let place = item === undefined || first === undefined ? 0 : this.#findPlace(first, item)
    for (; at < this.#chunks.length; at++, place = 0) {
      const chunk = this.#chunks[at] ?? []
      for (; place < chunk.length; place++) yield chunk[place] as T
    }
  }

  /** The first chunk whose last item does not come before this one. */
  #findChunk(item: T): number {
    let low = 0
    let high = this.#chunks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(this.#chunks[middle]?.at(-1) as T, item) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #findPlace(chunk: readonly T[], item: T): number {
    let low = 0
    let high = chunk.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(chunk[middle] as T, item) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
