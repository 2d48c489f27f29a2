import type { Stored } from '../core/change.ts'
import type { Run } from '../core/records/run.ts'
import { findUnattendedSince } from './attendance.ts'
import type { Control, RunDetail } from './control.ts'
import { countTasks } from './count-tasks.ts'
import { findRun, readRunPage } from './find-runs.ts'
import { readTaskPage } from './find-tasks.ts'
import { readCone, readGraphTasks, readRunGraph } from './graph.ts'
import { readHistory } from './history.ts'
import type { Home } from './home.ts'
import { readHomeLines } from './home-lines.ts'
import { readLogPage } from './logs.ts'
import { type ControlParts, checkRequestShape } from './parts.ts'
import {
  ConeQuery,
  GraphTasksQuery,
  HistoryQuery,
  LogQuery,
  RunQuery,
  RunRef,
  SelectionQuery,
  TaskQuery,
  TaskRef,
  TimelineQuery,
} from './schemas.ts'
import { parseSelection } from './selection/parse.ts'
import { viewSelection } from './selection/view-selection.ts'
import { findTimeZone } from './time-zone.ts'
import { readTimeline } from './timeline.ts'
import { viewRun } from './views.ts'
import { explainRunWaits, explainTaskReasons } from './why.ts'

/** Operations that look at runs and change nothing. */
type LookingOperations = Pick<
  Control,
  | 'runs'
  | 'run'
  | 'tasks'
  | 'selection'
  | 'history'
  | 'graph'
  | 'graphTasks'
  | 'cone'
  | 'timeline'
  | 'logs'
  | 'why'
  | 'waits'
>

/** Looks at the runs of a state. */
export function makeLookingOperations({
  state,
  project,
  readLines = readHomeLines,
}: ControlParts): LookingOperations {
  const zoneOf = (pipeline: string) => findTimeZone(project, pipeline)
  const found = async ({ run }: { run: string }): Promise<[Home, Stored<Run>]> => {
    const home = await state.withRuns()
    return [home, await findRun(home, run)]
  }
  return {
    async runs(query = {}) {
      const home = await state.existing()
      if (home === undefined) return { runs: [], found: 0, all: 0, next: null }
      return readRunPage(home, checkRequestShape(RunQuery, query), zoneOf)
    },
    async run(query) {
      return readRunDetail(...(await found(checkRequestShape(RunRef, query))))
    },
    async tasks(query) {
      const { run, ...filter } = checkRequestShape(TaskQuery, query)
      const [home, record] = await found({ run })
      return readTaskPage(home, record, filter, zoneOf(record.name))
    },
    async selection(query) {
      const { run, where } = checkRequestShape(SelectionQuery, query)
      const [home, record] = await found({ run })
      return viewSelection({ home, run: record, timeZone: zoneOf(record.name) }, parseSelection(where))
    },
    async history(query) {
      const home = await state.existing()
      if (home === undefined) return { runs: [], found: 0, next: null }
      return readHistory(home, checkRequestShape(HistoryQuery, query))
    },
    async graph(query) {
      return readRunGraph(...(await found(checkRequestShape(RunRef, query))))
    },
    async graphTasks(query) {
      const { run, ...window } = checkRequestShape(GraphTasksQuery, query)
      return readGraphTasks(...(await found({ run })), window)
    },
    async cone(query) {
      const { run, ...wanted } = checkRequestShape(ConeQuery, query)
      return readCone(...(await found({ run })), wanted)
    },
    async timeline(query) {
      const { run, ...span } = checkRequestShape(TimelineQuery, query)
      return readTimeline(...(await found({ run })), span)
    },
    async logs(query) {
      const { run, ...wanted } = checkRequestShape(LogQuery, query)
      const [home, record] = await found({ run })
      return readLogPage(home, record, readLines, wanted)
    },
    async why(query) {
      const { run, task } = checkRequestShape(TaskRef, query)
      return explainTaskReasons(...(await found({ run })), task)
    },
    async waits(query) {
      return explainRunWaits(...(await found(checkRequestShape(RunRef, query))))
    },
  }
}

async function readRunDetail(home: Home, run: Stored<Run>): Promise<RunDetail> {
  const [counts, since, outputs] = await Promise.all([
    countTasks(home, run),
    findUnattendedSince(home, run),
    readRootOutputs(home, run),
  ])
  return { ...viewRun(run, since), counts, failure: run.failure ?? null, outputs }
}

/** The targets of what a run was opened for; a plan from elsewhere may have several roots, gathered by a join. */
async function readRootOutputs({ context }: Home, { id, status }: Run): Promise<string[]> {
  if (status === 'planning') return []
  const { plans } = context.ports
  const header = await plans.header(id)
  if (header === undefined) return []
  const [root] = await plans.tasks(id, [header.root])
  if (!root?.join) return root?.outputs ?? []
  return (await plans.tasks(id, root.upstreams)).flatMap(({ outputs }) => outputs)
}
