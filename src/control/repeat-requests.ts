import { SluiceError } from '../core/errors.ts'
import type { TaskName } from '../core/ports/working.ts'
import type { Run } from '../core/records/run.ts'
import { LUIGI_COMMAND, nameLuigiRun } from '../define/luigi-command.ts'
import { parseTaskParams } from '../define/params.ts'
import { instantiateTask, type TaskDefinition } from '../define/task.ts'
import { believeTargets } from '../engine/mark.ts'
import { findLuigiProgram, narrowToTask } from '../planning/luigi/luigi-program.ts'
import type { Project } from '../project/load-config.ts'
import type { Home } from './home.ts'
import type { Done } from './parts.ts'
import { loadForeignPlanning, makePlan, makeRequest, PLAN_FAMILY, type PlannableRequest } from './requests.ts'
import { SELECTION_FAMILY, SelectionParams } from './selection/selection-run.ts'

/** The next run of the same request, or of one of its tasks; tasks that are `done` count as complete. */
export function repeatRequest(project: Project, run: Run, task?: TaskName, done?: Done): PlannableRequest {
  const { name, params, family } = run
  if (family === SELECTION_FAMILY && !project.tasks.has(family) && task === undefined)
    return makeSelectionRequest(project, name, SelectionParams.parse(params), (home) =>
      believeDone(home, project, run, done),
    )
  if (family === PLAN_FAMILY && !project.tasks.has(family) && task === undefined)
    return {
      label: `the plan ${name}`,
      request: { name, family, params, significant: params },
      plan: async (home) => {
        const { planRunAgain } = await loadForeignPlanning()
        return planRunAgain(home, run.id, name, await believeDone(home, project, run, done))
      },
    }
  const alone = task === undefined ? undefined : makeLuigiTaskRequest(project, run, task)
  if (alone !== undefined) return alone
  const wanted = task ?? run
  const definition = wanted === run ? findRunDefinition(project, family) : project.tasks.get(wanted.family)
  if (definition === undefined)
    throw new SluiceError(
      'unknown_name',
      `The config no longer defines the task ${wanted.family} of run ${run.id}.`,
    )
  const asked = makeRequest({ name: task === undefined ? name : family, definition }, wanted.params)
  const { root } = asked
  if (done === undefined || root === undefined) return asked
  const plan = async (home: Home) =>
    makePlan(home, name, root, { done: await believeDone(home, project, run, done) })
  return { ...asked, plan }
}

/** Ids of the tasks of a run that count as complete; their targets are believed from now on. */
async function believeDone(home: Home, project: Project, run: Run, done: Done = []): Promise<Set<string>> {
  const ids = Array.isArray(done) ? done : await listDone(home, project, run, done.where)
  await believeTargets(home.context, ids)
  return new Set(ids)
}

async function listDone(home: Home, project: Project, run: Run, where: string): Promise<string[]> {
  const { readRetryableTasks } = await loadSelectionPlanning()
  return (await readRetryableTasks(home, project, run, where)).map(({ id }) => id)
}

/** Few runs are of selections. */
const loadSelectionPlanning = () => import('./selection/plan-selection.ts')

/** A run of the selected tasks of another run that have not succeeded, and of what they need. */
export function makeSelectionRequest(
  project: Project,
  name: string,
  params: SelectionParams,
  readDone: (home: Home) => Promise<Set<string>> = async () => new Set(),
): PlannableRequest {
  return {
    label: `the selection ${params.where} of ${params.run}`,
    request: { name, family: SELECTION_FAMILY, params, significant: params },
    plan: async (home) => {
      const { planSelection } = await loadSelectionPlanning()
      return planSelection(home, project, name, params, await readDone(home))
    },
  }
}

/** One task of a run of Luigi's, alone; undefined if the run is another one. */
function makeLuigiTaskRequest(project: Project, run: Run, task: TaskName): PlannableRequest | undefined {
  const definition = findRunDefinition(project, run.family)
  if (definition === undefined || project.tasks.has(task.family)) return undefined
  const program = findLuigiProgram(instantiateTask(definition, run.params))
  if (program === undefined) return undefined
  const params = parseTaskParams(LUIGI_COMMAND.family, LUIGI_COMMAND.fields, narrowToTask(program, task))
  return makeRequest({ name: nameLuigiRun(task.family), definition: LUIGI_COMMAND }, params)
}

/** The root of a run: of the config, or what `sluice luigi` runs, which no config defines. */
const findRunDefinition = (project: Project, family: string): TaskDefinition | undefined =>
  project.tasks.get(family) ?? (family === LUIGI_COMMAND.family ? LUIGI_COMMAND : undefined)
