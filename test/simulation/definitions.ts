/** Which families the project defines; each host knows what it last read. */
export class Definitions {
  readonly #gone = new Set<string>()
  /** What each host does not define, and since when by its clock. */
  readonly #lacking = new Map<string, Map<string, number>>()
  #version = 0
  readonly #read = new Map<string, number>()

  /** A family leaves the project. */
  remove(family: string): void {
    this.#gone.add(family)
    this.#version++
  }

  /** All families that have left come back. */
  restore(): void {
    if (this.#gone.size === 0) return
    this.#gone.clear()
    this.#version++
  }

  /** Lets a host read what is defined now, at an instant of its clock; true if that has changed since. */
  readAnew(host: string, now: number): boolean {
    if ((this.#read.get(host) ?? 0) === this.#version) return false
    this.#read.set(host, this.#version)
    const before = this.#lacking.get(host)
    this.#lacking.set(host, new Map([...this.#gone].map((family) => [family, before?.get(family) ?? now])))
    return true
  }

  /** Whether a host defines a family, as far as it has read. */
  isDefinedOn(host: string, family: string): boolean {
    return !this.#lacking.get(host)?.has(family)
  }

  /** Since when a host has not defined a family, by its clock; undefined if it does. */
  lackingSince(host: string, family: string): number | undefined {
    return this.#lacking.get(host)?.get(family)
  }
}
