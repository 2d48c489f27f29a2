import type { Stored } from '../core/change.ts'
import type { Run } from '../core/model.ts'
import { unattendedSince } from './attendance.ts'
import type { Control, RunDetail } from './control.ts'
import { readRunPage } from './find-runs.ts'
import { countTasks, readTaskPage } from './find-tasks.ts'
import type { Home } from './home.ts'
import { findRun } from './inspect.ts'
import type { StateHome } from './parts.ts'
import { RunQuery, RunRef, TaskQuery, TaskRef } from './schemas.ts'
import { viewRun } from './views.ts'
import { explainRun, explainTask } from './why.ts'

/** Operations that look at runs and change nothing. */
export type Looking = Pick<Control, 'runs' | 'run' | 'tasks' | 'why' | 'waits'>

/** Looks at the runs of a state that is open. */
export const lookingAtHome = (home: Home): Looking =>
  lookingAt({ existing: async () => home, withRuns: async () => home })

/** Looks at the runs of a state. */
export function lookingAt(state: StateHome): Looking {
  const found = async ({ run }: { run: string }): Promise<[Home, Stored<Run>]> => {
    const home = await state.withRuns()
    return [home, await findRun(home, run)]
  }
  return {
    async runs(query = {}) {
      const home = await state.existing()
      if (home === undefined) return { runs: [], found: 0, all: 0, next: null }
      return readRunPage(home, RunQuery.parse(query))
    },
    async run(query) {
      return detailOf(...(await found(RunRef.parse(query))))
    },
    async tasks(query) {
      const { run, ...filter } = TaskQuery.parse(query)
      return readTaskPage(...(await found({ run })), filter)
    },
    async why(query) {
      const { run, task } = TaskRef.parse(query)
      return explainTask(...(await found({ run })), task)
    },
    async waits(query) {
      return explainRun(...(await found(RunRef.parse(query))))
    },
  }
}

async function detailOf(home: Home, run: Stored<Run>): Promise<RunDetail> {
  const [counts, since, outputs] = await Promise.all([
    countTasks(home, run),
    unattendedSince(home, run),
    outputsOf(home, run),
  ])
  return { ...viewRun(run, since), counts, failure: run.failure ?? null, outputs }
}

/** The targets of what a run was opened for; a plan from elsewhere may have several roots, gathered by a join. */
async function outputsOf({ context }: Home, { id, status }: Run): Promise<string[]> {
  if (status === 'planning') return []
  const { plans } = context.ports
  const header = await plans.header(id)
  if (header === undefined) return []
  const [root] = await plans.tasks(id, [header.root])
  if (!root?.join) return root?.outputs ?? []
  return (await plans.tasks(id, root.upstreams)).flatMap(({ outputs }) => outputs)
}
