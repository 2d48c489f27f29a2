import type { PruneResult } from '../../control/control.ts'
import { askForConfirmation } from '../ask.ts'
import { openControl } from '../open-control.ts'
import type { GlobalOptions, Result } from '../options.ts'

/** Flags of `sluice prune`. */
export interface PruneOptions extends GlobalOptions {
  olderThan: number
  yes?: true
}

/** Forgets runs that ended before; more than half of all are asked about first. */
export async function pruneStateRuns({ olderThan, yes, ...options }: PruneOptions): Promise<Result> {
  const request = { olderThanMs: olderThan }
  await using control = await openControl(options, undefined)
  const result = await control.prune({ ...request, confirmed: yes === true })
  if (!('status' in result)) return { data: result, text: prunedText(result) }
  await askForConfirmation(`${result.affected} of ${result.all} runs ended before that.`, {
    question: 'Forget them?',
    refusal: 'Nothing was forgotten.',
    hint: 'Name a longer time, or add --yes.',
  })
  const pruned = await control.prune({ ...request, confirmed: true })
  return { data: pruned, text: prunedText(pruned) }
}

function prunedText(result: PruneResult): string {
  if ('status' in result || result.unpublished === undefined) return 'There are no runs.'
  const { pruned, unpublished, state } = result
  return [`Forgot ${pruned.length} runs.`, ...unpublishedLines(unpublished), ...sizeLines(state)].join('\n')
}

const unpublishedLines = (count: number) =>
  count === 0 ? [] : [`Removed ${count} unpublished files of attempts that died.`]

const MB = 1024 * 1024

function sizeLines(state: Extract<PruneResult, { pruned: string[] }>['state']): string[] {
  if (state === undefined) return []
  const { beforeBytes, afterBytes, isLater } = state
  const size = (bytes: number) => `${(bytes / MB).toFixed(1)} MB`
  if (isLater)
    return [
      `The file of the state keeps its ${size(beforeBytes)}: give the command again when no engine runs, and most of it is given back.`,
    ]
  return afterBytes < beforeBytes
    ? [`The file of the state went from ${size(beforeBytes)} to ${size(afterBytes)}.`]
    : []
}
