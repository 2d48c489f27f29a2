import { makeActingOperations } from './acting.ts'
import { readRunChanges } from './changes.ts'
import type { Control } from './control.ts'
import { followChanges } from './follow-changes.ts'
import { workOnRuns } from './follow-runs.ts'
import { readIntervalPage } from './intervals.ts'
import { makeSecretOperations } from './keep-secrets.ts'
import { readLimitUse } from './limit-use.ts'
import { readBudgets, readPools } from './limits.ts'
import { makeLookingOperations } from './looking.ts'
import { makeLuigidOperations } from './luigid.ts'
import { type ControlParts, checkRequestShape } from './parts.ts'
import { readPipelines } from './pipelines.ts'
import { pruneOldRuns } from './prune.ts'
import { ChangesQuery, IntervalQuery, LimitQuery, PruneRequest } from './schemas.ts'
import { makeSelectionActs } from './selection/act-on-selection.ts'
import { makeShellOperations } from './shells.ts'
import { makeStartOperations } from './start-runs.ts'

/** Control over a state: of this machine, or inside a deployment. */
export function makeLocalControl(parts: ControlParts): Control {
  const { state, project, isHosted } = parts
  const changes: Control['changes'] = async (query) =>
    readRunChanges(await state.withRuns(), checkRequestShape(ChangesQuery, query))
  return {
    isHosted,
    ...makeLookingOperations(parts),
    ...makeStartOperations(parts),
    ...makeActingOperations(parts),
    ...makeSelectionActs(parts),
    ...makeShellOperations(parts),
    ...makeSecretOperations(parts.secrets),
    ...makeLuigidOperations(parts.findLuigid ?? (() => undefined)),
    changes,
    async *follow(query) {
      if (isHosted) return yield* followChanges(changes, query)
      parts.onWork?.()
      yield* workOnRuns(await state.open(), query)
    },
    pipelines: async () => readPipelines(project, await state.existing()),
    intervals: async (query) =>
      readIntervalPage(await state.open(), project, checkRequestShape(IntervalQuery, query)),
    budgets: async () => readBudgets(project.limits, await state.open()),
    pools: async () => readPools(project.limits, await state.open()),
    limitUse: async (query) =>
      readLimitUse(parts.project.limits, await state.open(), checkRequestShape(LimitQuery, query)),
    async prune(request) {
      const { olderThanMs, confirmed } = checkRequestShape(PruneRequest, request)
      const home = await state.existing()
      return home === undefined ? { pruned: [] } : pruneOldRuns(home, olderThanMs, confirmed)
    },
    close: parts.close,
  }
}
