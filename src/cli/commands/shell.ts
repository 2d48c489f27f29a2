import { openLocalShell } from '../../homes/local/open-shell.ts'
import type { GlobalOptions, Result } from '../options.ts'

/** Opens a shell on this terminal in a container of a task, of this machine or, with `--env`, of a deployment. */
export async function openTaskShell(run: string, task: string, options: GlobalOptions): Promise<Result> {
  if (options.env !== undefined) {
    const { openContainerShell } = await import('../remote/shell.ts')
    return openContainerShell(run, task, options)
  }
  // Beside what the shell prints, which may be piped.
  const say = (lines: string[]) => console.error(lines.join('\n'))
  const end = await openLocalShell({ stateFolder: options.state, run, task }, options.json ? () => {} : say)
  return { data: end, text: `The shell has ended (${end.place}).` }
}
