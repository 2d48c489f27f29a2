import { openLocalShell } from '../../homes/local/open-shell.ts'
import type { GlobalOptions, Result } from '../options.ts'

/** Opens a shell on this terminal in a container of a task of this machine, and waits for its end. */
export async function showLocalShell(
  run: string,
  task: string,
  { state, json }: GlobalOptions,
): Promise<Result> {
  // Beside what the shell prints, which may be piped.
  const say = (lines: string[]) => console.error(lines.join('\n'))
  const end = await openLocalShell({ stateFolder: state, run, task }, json ? () => {} : say)
  return { data: end, text: `The shell has ended (${end.place}).` }
}
