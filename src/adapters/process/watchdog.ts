import { Worker } from 'node:worker_threads'
import { BEAT, WATCHDOG_FD } from './protocol.ts'

/**
 * A thread that kills this process when its parent is gone or does not extend the lease in time,
 * also while the body blocks the main thread. Time is monotonic.
 */
export function startWatchdog(leaseMs: number): void {
  const worker = new Worker(`(${watch.toString()})()`, {
    eval: true,
    execArgv: [],
    workerData: { leaseMs, beat: BEAT, fd: WATCHDOG_FD },
  })
  worker.unref()
}

/** Runs in the thread, from its own text: it may only use what Node gives it. */
function watch(): void {
  const { Socket } = process.getBuiltinModule('node:net')
  const { workerData } = process.getBuiltinModule('node:worker_threads')
  const { leaseMs, beat, fd } = workerData as { leaseMs: number; beat: typeof BEAT; fd: number }
  // The process leads a group: what the body has started goes with it.
  const die = () => process.kill(-process.pid, 'SIGKILL')
  let lease: NodeJS.Timeout | undefined
  const pipe = new Socket({ fd, readable: true, writable: false })
  pipe.on('data', (data: Buffer) => {
    clearTimeout(lease)
    if (!data.toString().endsWith(beat.end)) lease = setTimeout(die, leaseMs)
  })
  pipe.on('close', die)
  pipe.on('error', die)
}
