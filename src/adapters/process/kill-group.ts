/** Windows has no groups: there a process is ended alone. */
const hasGroups = process.platform !== 'win32'

/**
 * Sends a signal to the group that a process leads: it, and what it has started; one that has ended is no error. Never to
 * the process by its own number, which may be another's by then.
 */
export function killGroup(pid: number | undefined, signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): void {
  if (pid === undefined) return
  try {
    process.kill(hasGroups ? -pid : pid, signal)
  } catch {
    // It has ended meanwhile.
  }
}
