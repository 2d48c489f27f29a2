import type { Job } from '../../core/ports/working.ts'
import { Child, type ChildOptions } from './child-process.ts'

/*
 * The processes that have no attempt now. A process serves one run, or one attempt if the task asks for it.
 *
 * 1. A process that has served a run serves no other one, so that nothing of a run is seen by the next.
 * 2. Two attempts never share a process at the same time: `acquire` takes it out, `release` brings it back or ends it.
 * 3. An idle process ends after a while, at once if definitions have changed, and with the pool.
 */

/** How the processes of a pool are started. */
export interface ChildPoolOptions extends Omit<ChildOptions, 'entry' | 'memoryMb'> {
  /** The module that a child runs, which serves one run or one attempt. */
  entry(fresh: 'run' | 'attempt'): ChildOptions['entry'] | Promise<ChildOptions['entry']>
  /** How many idle processes are kept for the next attempts of their runs. @default no limit */
  mostIdle?: number
}

/** Idle processes of a run end after this time. */
const IDLE_MS = 10_000

/** Keeps processes for the next attempts. */
export class ChildPool {
  readonly #options: ChildPoolOptions
  /** Idle processes, and what ends them. */
  readonly #idle = new Map<Child, NodeJS.Timeout>()
  readonly #busy = new Set<Child>()
  /** Started before it is needed, for an attempt that gets a process of its own. */
  #spare: Child | undefined
  /** Processes that know definitions of before. */
  readonly #stale = new WeakSet<Child>()

  constructor(options: ChildPoolOptions) {
    this.#options = options
  }

  /** A process for an attempt of this job; throws if none can be started. */
  async acquire(job: Job, modules: string[]): Promise<Child> {
    const entry = await this.#options.entry(job.task.policy.fresh)
    const child = this.#takeIdle(job) ?? this.#startFor(job, modules, entry)
    this.#busy.add(child)
    return child
  }

  /** Takes a process back from its attempt; one that is not reusable ends. */
  release(child: Child, { task }: Job, { isReusable }: { isReusable: boolean }): void {
    this.#busy.delete(child)
    const isKept = isReusable && !this.#stale.has(child) && child.isAlive && task.policy.fresh === 'run'
    if (isKept) this.#idle.set(child, setTimeout(() => this.#end(child), IDLE_MS).unref())
    else child.kill()
  }

  /** Definitions have changed: no process of now serves another attempt. */
  renew(): void {
    this.#endUnused()
    for (const child of this.#busy) this.#stale.add(child)
  }

  /** Ends all processes. */
  close(): void {
    this.#endUnused()
    for (const child of this.#busy) child.kill()
    this.#options.supervision.close()
  }

  #takeIdle({ run, task, memoryMb }: Job): Child | undefined {
    if (task.policy.fresh !== 'run') return undefined
    const idle = [...this.#idle.keys()]
    const child = idle.find((each) => each.isAlive && each.run === run && each.memoryMb === memoryMb)
    if (child !== undefined) this.#forget(child)
    return child
  }

  #startFor({ task, memoryMb }: Job, modules: string[], entry: ChildOptions['entry']): Child {
    const { mostIdle = Number.POSITIVE_INFINITY } = this.#options
    const tooMany = Math.max(0, this.#idle.size + 1 - mostIdle)
    for (const child of [...this.#idle.keys()].slice(0, tooMany)) this.#end(child)
    const child = this.#takeSpare(memoryMb) ?? this.#start(entry, memoryMb)
    // The next fresh process starts while this attempt runs.
    if (task.policy.fresh === 'attempt' && memoryMb === undefined && this.#spare === undefined) {
      this.#spare = this.#start(entry)
      this.#spare.prepare(modules)
    }
    return child
  }

  #takeSpare(memoryMb: number | undefined): Child | undefined {
    const spare = this.#spare
    if (memoryMb !== undefined || !spare?.isAlive) return undefined
    this.#spare = undefined
    return spare
  }

  #start(entry: ChildOptions['entry'], memoryMb?: number): Child {
    const { args, supervision, scratch } = this.#options
    return new Child({ entry, args, supervision, ...(scratch && { scratch }), ...(memoryMb && { memoryMb }) })
  }

  #forget(child: Child): void {
    clearTimeout(this.#idle.get(child))
    this.#idle.delete(child)
  }

  #end(child: Child): void {
    this.#forget(child)
    child.kill()
  }

  #endUnused(): void {
    for (const child of [...this.#idle.keys()]) this.#end(child)
    this.#spare?.kill()
    this.#spare = undefined
  }
}
