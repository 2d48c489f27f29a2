/** Sends a signal to a process and to what it has started in its group; one that has ended is no error. */
export function killGroup(pid: number | undefined, signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): void {
  if (pid === undefined) return
  // A process that leads no group, as on Windows, is ended alone.
  for (const target of [-pid, pid])
    try {
      process.kill(target, signal)
      return
    } catch {
      // It has ended meanwhile.
    }
}
