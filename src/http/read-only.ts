import type { Control } from '../control/control.ts'
import { SluiceError } from '../core/errors.ts'
import { ACTING } from './routes-acting.ts'

/**
 * A control that refuses every operation that changes something, by what it does and not by how it is asked: a plan is looked at with
 * a POST as well.
 */
export function makeReadOnlyControl(control: Control): Control {
  const refused = Object.keys(ACTING).map((name) => [name, refuseAct])
  return { ...control, ...Object.fromEntries(refused) }
}

async function refuseAct(): Promise<never> {
  throw new SluiceError(
    'read_only',
    'This server only shows, and changes nothing: it was started with --read-only.',
    {
      hint: 'Give the command in a terminal, or start the server without --read-only.',
    },
  )
}
