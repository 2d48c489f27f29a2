import { splitIntoChunks } from '../../core/chunks.ts'
import { SluiceError } from '../../core/errors.ts'
import { keys } from '../../core/keys.ts'
import type { Plan, PlannedTask } from '../../core/plan.ts'
import type { Run } from '../../core/records/run.ts'
import { instantiateTask } from '../../define/task.ts'
import { adjustDefinitions } from '../../engine/adjust-plan.ts'
import { planTaskGroup } from '../../engine/plan-graph.ts'
import { findPlanProblems } from '../../planning/output-problems.ts'
import { makePlanningDefinitions } from '../../planning/planning.ts'
import type { Project } from '../../project/load-config.ts'
import type { Home } from '../home.ts'
import { loadForeignPlanning } from '../requests.ts'
import { readRunTable } from '../run-table.ts'
import { findTimeZone } from '../time-zone.ts'
import { listAffected } from './affected.ts'
import { parseSelection } from './parse.ts'
import { selectAllTasks } from './select-tasks.ts'
import type { SelectionParams } from './selection-run.ts'

const CHUNK = 1_000

/** The selected tasks of a run that a retry would run, by number. */
export async function readRetryableTasks(
  home: Home,
  project: Project,
  run: Run,
  where: string,
): Promise<PlannedTask[]> {
  const timeZone = findTimeZone(project, run.name)
  const selected = await selectAllTasks({ home, run, timeZone }, parseSelection(where))
  const numbers = listAffected('retry', run, await readRunTable(home, run), selected)
  const tasks: PlannedTask[] = []
  for (const chunk of splitIntoChunks(numbers, CHUNK))
    for (const task of await home.context.ports.plans.tasks(run.id, chunk)) tasks.push(task)
  return tasks
}

/** Plans the selected tasks of a run that have not succeeded, and what they need. */
export async function planSelection(
  home: Home,
  project: Project,
  name: string,
  { run: id, where }: SelectionParams,
  done: ReadonlySet<string>,
): Promise<Plan> {
  const { store, clock } = home.context.ports
  const [run] = await store.read([keys.run(id)])
  if (run === undefined)
    throw new SluiceError('unknown_run', `The run ${id}, of which tasks were selected, has been forgotten.`, {
      hint: 'Start its pipeline or tasks anew: what is complete does not run again.',
    })
  const tasks = await readRetryableTasks(home, project, run, where)
  if (tasks.some(({ command, family }) => command !== undefined && !project.tasks.has(family)))
    return planCommands(home, run, name, tasks, done)
  const roots = tasks.map(({ family, params }) => {
    const definition = project.tasks.get(family)
    if (definition !== undefined) return instantiateTask(definition, params)
    throw new SluiceError('unknown_name', `The config no longer defines the task ${family} of run ${id}.`)
  })
  const definitions = adjustDefinitions(makePlanningDefinitions(home.surroundings), { done })
  return planTaskGroup(
    name,
    { id: `${name}/selection`, label: `selected tasks of ${id}`, roots },
    { ...definitions, outputProblems: (found) => findPlanProblems(home.definitions, found) },
    clock.steady(),
    home.definitions.limits.plans,
  )
}

/** Commands of a plan from elsewhere are as that plan has them. */
async function planCommands(
  home: Home,
  run: Run,
  name: string,
  tasks: PlannedTask[],
  done: ReadonlySet<string>,
): Promise<Plan> {
  if (tasks.some(({ command }) => command?.luigi !== undefined))
    throw new SluiceError('invalid_usage', 'A selection of tasks of Luigi cannot run by itself.', {
      hint: `Retry the run, or one of its tasks: sluice retry ${run.id} --task TASK`,
    })
  const ids = tasks.map(({ id }) => id)
  const { planRunAgain } = await loadForeignPlanning()
  return planRunAgain(home, run.id, name, done, ids)
}
