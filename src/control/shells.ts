import { SluiceError } from '../core/errors.ts'
import type { Control } from './control.ts'
import { findRun } from './find-runs.ts'
import { findTask } from './find-tasks.ts'
import { type ControlParts, checkRequestShape, type ShellKeeper } from './parts.ts'
import { ShellRef, ShellRequest } from './schemas.ts'

/** Operations on shells of a deployment. */
export function makeShellOperations({
  state,
  shells,
}: Pick<ControlParts, 'state' | 'shells'>): Pick<Control, 'openShell' | 'endShell'> {
  return {
    async openShell(request) {
      const { run: name, task, token } = checkRequestShape(ShellRequest, request)
      const home = await state.withRuns()
      const run = await findRun(home, name)
      const found = await findTask(home, run, task)
      return requireShells(shells).open(home, { ...found, run, token })
    },
    async endShell(request) {
      const { shell } = checkRequestShape(ShellRef, request)
      if (await requireShells(shells).end(shell)) return { shell }
      throw new SluiceError('invalid_usage', `There is no shell ${shell}.`, {
        hint: 'A shell that has ended is forgotten after an hour.',
      })
    },
  }
}

function requireShells(shells: ShellKeeper | undefined): ShellKeeper {
  if (shells !== undefined) return shells
  throw new SluiceError(
    'invalid_usage',
    'On one machine the command opens a shell itself, on the terminal on which it is given.',
    { hint: 'sluice shell RUN TASK' },
  )
}
