import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Whether a process runs; one that is dead and that no parent has waited for (a zombie) does not. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** Waits for what another process does; a test that waits for ever is ended by the runner. */
export async function until(is: () => boolean): Promise<void> {
  while (!is()) await sleep(10)
}
