import { prune } from '../../local/prune.ts'
import { existingHome } from '../homes.ts'
import type { GlobalOptions, Result } from '../options.ts'

/** Forgets runs that ended before. */
export async function pruneRuns(options: GlobalOptions & { olderThan: number }): Promise<Result> {
  const home = await existingHome(options)
  if (home === undefined) return { data: { pruned: [] }, text: 'There are no runs.' }
  try {
    const pruned = await prune(home, home.context.ports.clock.now() - options.olderThan)
    return { data: { pruned }, text: `Forgot ${pruned.length} runs.` }
  } finally {
    await home.close()
  }
}
