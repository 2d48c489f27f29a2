/** Windows has no groups: there a process is ended alone. */
const hasGroups = process.platform !== 'win32'

/**
 * Sends a signal to the group that a process leads: it, and what it has started; 0 only looks. False if all of it has ended.
 * Never to the process by its own number, which may be another's by then.
 */
export function killProcessGroup(
  pid: number | undefined,
  signal: 'SIGTERM' | 'SIGKILL' | 0 = 'SIGKILL',
): boolean {
  if (pid === undefined) return false
  try {
    return process.kill(hasGroups ? -pid : pid, signal)
  } catch {
    return false
  }
}
