import type { ChildProcess } from 'node:child_process'
import { startOwnProcess } from '../os/own-process.ts'

/** What the engine says to the supervisor of its children. */
export interface ToSupervisor {
  pid: number
  is: 'watched' | 'over'
  /** How long its attempt has a lease from now on; absent: it runs none. */
  leaseMs?: number
}

/** What keeps children to their leases. */
export interface Supervises {
  watch(pid: number, leaseMs?: number): void
  over(pid: number): void
  close(): void
}

/** For a sandbox that freezes and ends with all of its processes: nothing outlives this one. */
export const UNSUPERVISED: Supervises = { watch() {}, over() {}, close() {} }

/** Keeps children to their leases, by a process that outlives this one for a moment; it starts with the first child. */
export class Supervision implements Supervises {
  /** When the lease of each child ends, by the monotonic clock; undefined without an attempt. */
  readonly #children = new Map<number, number | undefined>()
  #supervisor: ChildProcess | undefined

  /** The child is killed at the end of its lease, or with this process. */
  watch(pid: number, leaseMs?: number): void {
    this.#children.set(pid, leaseMs === undefined ? undefined : performance.now() + leaseMs)
    this.#supervisor ??= this.#start()
    tellSupervisor(this.#supervisor, pid, leaseMs)
  }

  /** The child has ended. */
  over(pid: number): void {
    this.#children.delete(pid)
    if (this.#supervisor?.connected) this.#supervisor.send({ pid, is: 'over' } satisfies ToSupervisor)
  }

  close(): void {
    const supervisor = this.#supervisor
    this.#supervisor = undefined
    if (supervisor?.connected) supervisor.disconnect()
  }

  #start(): ChildProcess {
    const supervisor = startOwnProcess('supervisor', import.meta.url)
    supervisor.on('error', () => {})
    // One that was killed is replaced with the next heartbeat, and told of all children again.
    supervisor.on('exit', () => {
      if (this.#supervisor === supervisor) this.#supervisor = undefined
    })
    const now = performance.now()
    for (const [pid, until] of this.#children)
      tellSupervisor(supervisor, pid, until === undefined ? undefined : Math.max(0, until - now))
    return supervisor
  }
}

function tellSupervisor(supervisor: ChildProcess, pid: number, leaseMs: number | undefined): void {
  const message: ToSupervisor = { pid, is: 'watched', ...(leaseMs === undefined ? {} : { leaseMs }) }
  if (supervisor.connected) supervisor.send(message, () => {})
}
