import { Worker } from 'node:worker_threads'
import { WATCHDOG_FD } from './protocol.ts'

/**
 * A thread that kills this process when its parent is gone or does not extend the lease in time,
 * also while the body blocks the main thread. Time is monotonic.
 */
export function startWatchdog(): void {
  const worker = new Worker(`(${watch.toString()})()`, {
    eval: true,
    execArgv: [],
    workerData: WATCHDOG_FD,
  })
  worker.unref()
}

/** Runs in the thread, from its own text: it may only use what Node gives it. */
function watch(): void {
  const { Socket } = process.getBuiltinModule('node:net')
  const { workerData } = process.getBuiltinModule('node:worker_threads')
  // The process leads a group: what the body has started goes with it.
  const die = () => process.kill(-process.pid, 'SIGKILL')
  let lease: NodeJS.Timeout | undefined
  const pipe = new Socket({ fd: workerData as number, readable: true, writable: false })
  pipe.on('data', (data: Buffer) => {
    clearTimeout(lease)
    const last = data.toString().split('\n').at(-2)
    if (last) lease = setTimeout(die, Number(last))
  })
  pipe.on('close', die)
  pipe.on('error', die)
}
