/** A number from 0 up to 1, from a seed (mulberry32, public domain). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

interface Effect {
  host: string
  label: string
  perform: () => Promise<unknown>
  resolve: (value: unknown) => void
  reject: (error: unknown) => void
  canRepeat: boolean
}

interface Sleeper {
  host: string
  at: number
  wake: () => void
}

/** How often things go wrong, each from 0 to 1 per effect. */
export interface Faults {
  crash: number
  freeze: number
  repeat: number
  delay: number
}

/** Most freezes outlast a lease, some even a planner. */
const FREEZE_MS = 1_200_000
const LONG_PAUSE_MS = 60_000

/**
 * Interleaves effects of several hosts by a seed, under a virtual clock. An effect may be delayed, done twice,
 * cut off by a crash before or after it, or held back while its host is frozen.
 */
export class Scheduler {
  now = Date.UTC(2026, 0, 1)
  /** All hosts were held up for so long that an audit may come before what was on its way. */
  hasStoodStill = false
  readonly random: () => number
  readonly trace: string[] = []
  readonly dead = new Set<string>()
  onCrash: (host: string) => void = () => {}
  #effects: Effect[] = []
  #sleepers: Sleeper[] = []
  readonly #frozen = new Map<string, number>()
  /** After how many of its effects each host dies. */
  readonly #cuts = new Map<string, number>()
  readonly #faults: Faults

  constructor(seed: number, faults: Faults) {
    this.random = seeded(seed)
    this.#faults = faults
  }

  /** Does the effect when its turn comes; never resolves once the host is dead. `write`s may be done twice. */
  effect<T>(host: string, label: string, kind: 'read' | 'write', perform: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.dead.has(host)) return
      this.#effects.push({
        host,
        label,
        perform,
        resolve: resolve as (value: unknown) => void,
        reject,
        canRepeat: kind === 'write',
      })
    })
  }

  sleep(host: string, ms: number): Promise<void> {
    return new Promise((wake) => {
      if (!this.dead.has(host)) this.#sleepers.push({ host, at: this.now + ms, wake })
    })
  }

  /** Has a host die before or after one of its next effects; needs crashes among the faults. */
  killWithin(host: string, effects: number): void {
    if (!this.#cuts.has(host)) this.#cuts.set(host, Math.floor(this.random() * effects))
  }

  /** Ends a host: nothing that it has begun goes on. */
  kill(host: string): void {
    this.dead.add(host)
    this.#effects = this.#effects.filter((each) => each.host !== host)
    this.#sleepers = this.#sleepers.filter((each) => each.host !== host)
    this.trace.push(`${host} dies`)
    this.onCrash(host)
  }

  /** One step; false where nothing is left to do. */
  async step(): Promise<boolean> {
    const ready = this.#effects.filter((each) => (this.#frozen.get(each.host) ?? 0) <= this.now)
    if (ready.length === 0 || this.random() < this.#faults.delay) {
      if (!this.#passTime() && ready.length === 0) return false
    } else await this.#perform(ready[Math.floor(this.random() * ready.length)] as Effect)
    await new Promise((resolve) => setImmediate(resolve))
    return true
  }

  /** Whether a frozen host will still do something when it thaws. */
  get isAnyoneFrozen(): boolean {
    return this.thaws().length > 0
  }

  /** Whether a host is frozen now. */
  isFrozen(host: string): boolean {
    return (this.#frozen.get(host) ?? 0) > this.now
  }

  /** Whether any host whose name begins so has something to do. */
  hasWork(prefix: string): boolean {
    return [...this.#effects, ...this.#sleepers].some(({ host }) => host.startsWith(prefix))
  }

  /** Every machine stands still until then. */
  passUntil(at: number): void {
    this.now = Math.max(this.now, at)
    this.trace.push(`${this.now} time has passed`)
  }

  #passTime(): boolean {
    const wakeAt = (each: Sleeper) => Math.max(each.at, this.#frozen.get(each.host) ?? 0)
    const next = Math.min(...this.#sleepers.map(wakeAt), ...this.thaws())
    if (next === Number.POSITIVE_INFINITY) return false
    if (next - this.now > LONG_PAUSE_MS) this.hasStoodStill = true
    this.now = Math.max(this.now, next)
    const due = this.#sleepers.filter((each) => wakeAt(each) <= this.now)
    this.#sleepers = this.#sleepers.filter((each) => wakeAt(each) > this.now)
    for (const each of due) each.wake()
    return true
  }

  /** When frozen hosts that have something to do go on. */
  thaws(): number[] {
    return this.#effects.flatMap((each) => {
      const until = this.#frozen.get(each.host) ?? 0
      return until > this.now ? [until] : []
    })
  }

  async #perform(effect: Effect): Promise<void> {
    this.#effects.splice(this.#effects.indexOf(effect), 1)
    const { host } = effect
    const { crash, freeze, repeat } = this.#faults
    const left = this.#cuts.get(host)
    if (left !== undefined) this.#cuts.set(host, left - 1)
    const fate = this.random() * (left === 0 ? crash : 1)
    if (fate < crash / 2) {
      this.kill(host)
      return
    }
    this.trace.push(`${this.now} ${host} ${effect.label}`)
    try {
      let result = await effect.perform()
      if (effect.canRepeat && this.random() < repeat) result = await effect.perform()
      if (fate < crash) this.kill(host)
      else effect.resolve(result)
    } catch (error) {
      effect.reject(error)
    }
    if (fate > 1 - freeze) {
      this.trace.push(`${host} freezes`)
      this.#frozen.set(host, this.now + this.random() ** 3 * FREEZE_MS)
    }
  }
}
