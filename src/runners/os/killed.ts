import { readFileSync } from 'node:fs'
import type { AttemptOutcome } from '../../core/records/status.ts'

/** By these a shell, an operator or the shutdown of the machine asks a process to end. */
const ASKS = ['SIGTERM', 'SIGINT', 'SIGHUP']
/** What a shell exits with when the program that it waited for was killed by SIGKILL. */
const KILLED = 128 + 9

/**
 * What became of an attempt whose process was ended from outside, by a signal that is not ours: the body or command had no part
 * in it, so no retry is used up. Undefined if it ended in another way. To be called for each such end, because the
 * memory killer is known by its count.
 */
export function explainOutsideKill(
  who: string,
  code: number | null,
  signal: string | null,
): { outcome: AttemptOutcome; message: string } | undefined {
  if (signal !== null && ASKS.includes(signal))
    return { outcome: 'interrupted', message: `${who} was asked to end from outside, by ${signal}` }
  if (signal !== 'SIGKILL' && code !== KILLED) return undefined
  if (hasMemoryKillerCome())
    return {
      outcome: 'lost',
      message: `${who} was killed by the kernel, because the machine or its container was out of memory; run fewer at once (--concurrency), or declare memoryMb`,
    }
  if (signal === null) return undefined
  return { outcome: 'lost', message: `${who} was killed by SIGKILL from outside` }
}

/** Counts of the memory killer: of this control group (version 2, then 1), else of the machine (since Linux 4.13). */
const COUNTS = ['/sys/fs/cgroup/memory.events', '/sys/fs/cgroup/memory/memory.oom_control', '/proc/vmstat']

let last = countMemoryKills()

/** Whether the memory killer has ended a process of this control group since the last look. */
function hasMemoryKillerCome(): boolean {
  const before = last
  last = countMemoryKills()
  return last > before
}

function countMemoryKills(): number {
  for (const path of COUNTS) {
    const count = /^oom_kill (\d+)/m.exec(readCountsFile(path))?.[1]
    if (count !== undefined) return Number(count)
  }
  return 0
}

function readCountsFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
