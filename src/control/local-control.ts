import { actingOn } from './acting.ts'
import { readChanges } from './changes.ts'
import type { Control } from './control.ts'
import { followChanges } from './follow-changes.ts'
import { workOnRuns } from './follow-runs.ts'
import { readIntervalPage } from './intervals.ts'
import { keepingSecrets } from './keep-secrets.ts'
import { readBudgets, readPools } from './limits.ts'
import { readHomeLines } from './logs.ts'
import { lookingAt } from './looking.ts'
import { type ControlParts, checkShape } from './parts.ts'
import { readPipelines } from './pipelines.ts'
import { pruneRuns } from './prune.ts'
import { ChangesQuery, IntervalQuery, PruneRequest } from './schemas.ts'
import { startingRuns } from './start-runs.ts'

/** Control over a state: of this machine, or inside a deployment. */
export function localControl(parts: ControlParts): Control {
  const { state, project, isHosted } = parts
  const changes: Control['changes'] = async (query) =>
    readChanges(await state.withRuns(), checkShape(ChangesQuery, query))
  return {
    isHosted,
    ...lookingAt(state, parts.readLines ?? readHomeLines),
    ...startingRuns(parts),
    ...actingOn(parts),
    ...keepingSecrets(parts.secrets),
    changes,
    async *follow(query) {
      if (isHosted) return yield* followChanges(changes, query)
      parts.onWork?.()
      yield* workOnRuns(await state.open(), query)
    },
    pipelines: async () => readPipelines(project, await state.existing()),
    intervals: async (query) =>
      readIntervalPage(await state.open(), project, checkShape(IntervalQuery, query)),
    budgets: async () => readBudgets(project.limits, await state.open()),
    pools: async () => readPools(project.limits, await state.open()),
    async prune(request) {
      const { olderThanMs, confirmed } = checkShape(PruneRequest, request)
      const home = await state.existing()
      return home === undefined ? { pruned: [] } : pruneRuns(home, olderThanMs, confirmed)
    },
    close: parts.close,
  }
}
