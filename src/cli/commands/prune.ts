import type { Shrunk } from '../../adapters/sqlite/shrink.ts'
import { allRuns } from '../../control/inspect.ts'
import { endedBefore, prune, pruneStaged } from '../../control/prune.ts'
import { askFirst } from '../ask.ts'
import { existingHome } from '../homes.ts'
import type { GlobalOptions, Result } from '../options.ts'

/** Flags of `sluice prune`. */
export interface PruneOptions extends GlobalOptions {
  olderThan: number
  yes?: true
}

/** Forgets runs that ended before; more than half of all are asked about first. */
export async function pruneRuns(options: PruneOptions): Promise<Result> {
  const home = await existingHome(options)
  if (home === undefined) return { data: { pruned: [] }, text: 'There are no runs.' }
  try {
    const before = home.context.ports.clock.now() - options.olderThan
    const all = await allRuns(home)
    const old = endedBefore(all, before)
    if (old.length > all.length / 2 && !options.yes)
      await askFirst(`${old.length} of ${all.length} runs ended before that.`, {
        question: 'Forget them?',
        refusal: 'Nothing was forgotten.',
        hint: 'Name a longer time, or add --yes.',
      })
    const pruned = await prune(home, before)
    const unpublished = await pruneStaged(home, before)
    const shrunk = await home.shrink?.()
    return {
      data: { pruned, unpublished, ...(shrunk && { state: shrunk }) },
      text: [`Forgot ${pruned.length} runs.`, ...unpublishedText(unpublished), ...shrunkText(shrunk)].join(
        '\n',
      ),
    }
  } finally {
    await home.close()
  }
}

const unpublishedText = (count: number) =>
  count === 0 ? [] : [`Removed ${count} unpublished files of attempts that died.`]

const MB = 1024 * 1024

function shrunkText(shrunk: Shrunk | undefined): string[] {
  if (shrunk === undefined) return []
  const { beforeBytes, afterBytes, isLater } = shrunk
  const size = (bytes: number) => `${(bytes / MB).toFixed(1)} MB`
  if (isLater)
    return [
      `The file of the state keeps its ${size(beforeBytes)}: give the command again when no engine runs, and most of it is given back.`,
    ]
  return afterBytes < beforeBytes
    ? [`The file of the state went from ${size(beforeBytes)} to ${size(afterBytes)}.`]
    : []
}
