import type { Home } from '../control/home.ts'
import type { Looking } from '../control/looking.ts'
import { lookingAt } from '../control/looking.ts'
import { SluiceError } from '../core/errors.ts'
import type { Project } from '../project/load-config.ts'
import { existingHome } from './homes.ts'
import type { GlobalOptions } from './options.ts'

/** Asks Sluice on this machine or, with `--env`, a deployment; the project counts for its limits and definitions. */
export async function withControl<T>(
  options: GlobalOptions,
  project: Project | undefined,
  ask: (control: Looking) => Promise<T>,
): Promise<T> {
  let home: Promise<Home | undefined> | undefined
  const existing = () => {
    home ??= existingHome(options, project)
    return home
  }
  const withRuns = async () => (await existing()) ?? noRuns(options)
  try {
    return await ask(lookingAt({ existing, withRuns }))
  } finally {
    await (await home)?.close()
  }
}

function noRuns({ state }: GlobalOptions): never {
  throw new SluiceError('unknown_run', `There are no runs in the state ${state}.`, {
    hint: 'Start one: sluice run NAME. Another state is named with --state.',
  })
}
