import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { readErrorCode } from '../../core/errors.ts'

/**
 * Ids of worker processes: host, process id and the process's start. The start separates an ended process from a later one
 * with its number. On Linux the host includes the boot and the process namespace.
 */
export function makeWorkerId(pid = process.pid): string {
  return `${host()}/${pid}/${readProcessStart(pid) ?? 'unknown'}`
}

/** True only if the process ran on this host and is certainly gone. */
export async function isProcessGone(worker: string): Promise<boolean> {
  const [where, pid, start] = worker.split('/')
  if (where !== host()) return false
  return !isAlive(Number(pid)) || (readProcessStart(Number(pid)) ?? 'unknown') !== start
}

let cachedHost: string | undefined

function host(): string {
  cachedHost ??= [
    hostname(),
    readIfPossible(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().slice(0, 8)),
    readIfPossible(() => readlinkSync('/proc/self/ns/pid').replace(/\D/g, '')),
  ]
    .filter((part) => part !== undefined)
    .join('.')
  return cachedHost
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return readErrorCode(error) !== 'ESRCH'
  }
}

/**
 * Start of a process in clock ticks since boot (proc(5), field 22 of stat); undefined on systems without /proc, and for
 * a dead process whose parent has not read its exit code yet (state Z).
 */
function readProcessStart(pid: number): string | undefined {
  const stat = readIfPossible(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields?.[0] === 'Z' ? undefined : fields?.[19]
}

function readIfPossible<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
