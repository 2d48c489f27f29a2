import type { z } from 'zod'
import type { Stored } from '../core/change.ts'
import { SluiceError } from '../core/errors.ts'
import { keys } from '../core/keys.ts'
import { readClockMoment, toWallClockInstant } from '../core/moment.ts'
import { mustHave } from '../core/must-have.ts'
import type { PlannedTask } from '../core/plan.ts'
import type { Run } from '../core/records/run.ts'
import { satisfiesDependents } from '../core/records/status.ts'
import type { Attempt, TaskRun } from '../core/records/task-run.ts'
import { formatShownName, suggestName } from '../define/suggestion.ts'
import { makeTaskRun } from '../engine/create-run.ts'
import { makeMarkers } from '../planning/surroundings.ts'
import type { TaskPage, TaskShape } from './control.ts'
import { listTaskNumbers, readTaskRunPages, TASK_PAGE } from './count-tasks.ts'
import type { Home } from './home.ts'
import type { TaskQuery } from './schemas.ts'
import type { Selection } from './selection/language.ts'
import { parseSelection } from './selection/parse.ts'
import { type SelectedRun, selectTaskNumbers } from './selection/select-tasks.ts'
import { type TaskRecords, viewTask } from './views.ts'

/** Records of one look at the store. */

/** A task run, and what the plan says of it. */
export interface FoundTask {
  task: TaskRun
  planned: PlannedTask
}

/** Which tasks are wanted; what is absent does not matter. */
export type TaskFilter = Pick<z.output<typeof TaskQuery>, 'task' | 'statuses' | 'text'>

/** A page of a run's tasks, by number. */
export async function readTaskPage(
  home: Home,
  run: Run,
  { cursor, limit, where, ...filter }: Omit<z.output<typeof TaskQuery>, 'run'>,
  timeZone: string,
): Promise<TaskPage> {
  const after = parseTaskCursor(cursor)
  const tasks =
    where === undefined
      ? findMatchingTasks(home, run, filter, after)
      : findSelectedTasks({ home, run, timeZone }, parseLoneSelection(where, filter), { after, limit })
  const found: FoundTask[] = []
  // One more tells whether there is another page.
  for await (const task of tasks) {
    found.push(task)
    if (found.length > limit) break
  }
  if (found.length === 0 && filter.task !== undefined && cursor === undefined)
    await requireTask(home, run, filter.task)
  const page = found.slice(0, limit)
  const next = found.length > limit ? String(page.at(-1)?.task.number) : null
  return { tasks: await viewTasks(home, run, page), next }
}

function parseLoneSelection(where: string, filter: TaskFilter): Selection {
  if (Object.values(filter).every((each) => each === undefined)) return parseSelection(where)
  throw new SluiceError('invalid_usage', 'A selection goes without `task`, `statuses` and `text`.', {
    hint: 'Say the same in the selection: `task=…`, `status=…`, `task=*text*`.',
  })
}

/** Tasks of a selection after a number, in order; those of a page are read together. */
async function* findSelectedTasks(
  selected: SelectedRun,
  selection: Selection,
  { after, limit }: { after: number; limit: number },
): AsyncGenerator<FoundTask> {
  let numbers: number[] = []
  for await (const number of selectTaskNumbers(selected, selection, after)) {
    numbers.push(number)
    if (numbers.length <= limit) continue
    yield* await readTasks(selected.home, selected.run, numbers)
    numbers = []
  }
  yield* await readTasks(selected.home, selected.run, numbers)
}

/** The tasks of these numbers that the run has. */
async function readTasks(home: Home, run: Run, numbers: number[]): Promise<FoundTask[]> {
  const { store, plans } = home.context.ports
  const [records, planned] = await Promise.all([
    store.read(numbers.map((number) => keys.taskRun(run.id, number))),
    plans.tasks(run.id, numbers),
  ])
  return planned.map((task, index) => {
    // The engine has yet to put it, as `readTaskRunPages` has it.
    return { task: records[index] ?? makeTaskRun(run.id, task, () => true), planned: task }
  })
}

function parseTaskCursor(cursor: string | undefined): number {
  const after = cursor === undefined ? -1 : Number(cursor)
  if (Number.isInteger(after)) return after
  throw new SluiceError('invalid_usage', `${cursor} is no cursor of a page of tasks.`, {
    hint: 'Give the `next` of the page before.',
  })
}

/** The one task of a run that has this number, label or family; throws if it is none or several. */
export async function findTask(home: Home, run: Run, wanted: string): Promise<FoundTask> {
  const found: FoundTask[] = []
  for await (const task of findMatchingTasks(home, run, { task: wanted })) found.push(task)
  const [first] = found
  if (first === undefined) throw await unknownTask(home, run, wanted)
  if (found.length === 1) return first
  const labels = found.map(({ planned }) => planned.label)
  throw new SluiceError('unknown_task', `${labels.length} tasks are called ${wanted}.`, {
    hint: `Name one: ${labels.slice(0, 5).join(', ')}${labels.length > 5 ? ', …' : ''}.`,
  })
}

/** Throws if a run has no task of this number, label or family, whatever its status. */
export async function requireTask(home: Home, run: Run, wanted: string): Promise<void> {
  for await (const _ of findMatchingTasks(home, run, { task: wanted })) return
  throw await unknownTask(home, run, wanted)
}

async function unknownTask(home: Home, run: Run, wanted: string): Promise<SluiceError> {
  const names = new Set<string>()
  for await (const { planned } of findMatchingTasks(home, run, {}))
    names.add(planned.family).add(planned.label)
  return new SluiceError(
    'unknown_task',
    `Run ${run.id} has no task ${formatShownName(wanted)}.${suggestName(wanted, [...names])}`,
    {
      hint: `sluice status ${run.id} lists them; a task is named by family, Family(k=v,…) or number.`,
    },
  )
}

/** Tasks of a run after a number, in order; they are read a page at a time. */
export async function* findMatchingTasks(
  home: Home,
  run: Run,
  filter: TaskFilter,
  after = -1,
): AsyncGenerator<FoundTask> {
  const number = filter.task !== undefined && /^\d+$/.test(filter.task) ? Number(filter.task) : undefined
  const pages =
    number === undefined ? readTaskRunPages(home, run, after) : [await readTaskRun(home, run, number, after)]
  for await (const page of pages) {
    const some = page.filter(({ status }) => filter.statuses?.includes(status) ?? true)
    const planned = await home.context.ports.plans.tasks(run.id, listTaskNumbers(some))
    const found = some.map((task, index) => ({ task, planned: mustHave(planned[index], task.taskId) }))
    yield* found.filter(({ planned }) => isWanted(planned, filter, number))
  }
}

const isWanted = ({ label, family }: PlannedTask, { task, text }: TaskFilter, number: number | undefined) =>
  (number !== undefined || task === undefined || label === task || family === task) &&
  (text === undefined || label.includes(text))

/** The task run of a number after another one; none if the run has no such task. */
async function readTaskRun(home: Home, run: Run, number: number, after: number): Promise<TaskRun[]> {
  if (number <= after) return []
  for await (const [task] of readTaskRunPages(home, run, number - 1, 1))
    return task?.number === number ? [task] : []
  return []
}

/** The shapes of tasks that were found, in order of number. */
async function viewTasks(home: Home, run: Run, found: FoundTask[]): Promise<TaskShape[]> {
  const moment = readClockMoment(home.context.ports.clock)
  const [attempts, results] = await Promise.all([readAttempts(home, run, found), readResults(home, found)])
  return found.map(({ task, planned }): TaskShape => {
    const records: TaskRecords = {
      task,
      planned,
      attempts: attempts.get(task.number) ?? [],
      result: results.get(task.number),
      notBefore: task.notBefore === undefined ? undefined : toWallClockInstant(task.notBefore, moment),
    }
    return viewTask(records)
  })
}

/** Attempts of tasks, which are in order of number, by number. */
export async function readAttempts(
  { context }: Home,
  run: Run,
  found: readonly FoundTask[],
): Promise<Map<number, Stored<Attempt>[]>> {
  const attempts = new Map<number, Stored<Attempt>[]>(found.map(({ task }) => [task.number, []]))
  const last = found.at(-1)?.task.number ?? -1
  for (let after = keys.attempt(run.id, found[0]?.task.number ?? 0, 0); last >= 0; ) {
    const query = { prefix: keys.attempts(run.id), after, limit: TASK_PAGE, consistency: 'strong' as const }
    const page = await context.ports.store.list(query)
    for (const { record } of page) attempts.get(record.number)?.push(record)
    const end = page.at(-1)
    if (end === undefined || page.length < TASK_PAGE || end.record.number > last) break
    after = end.key
  }
  return attempts
}

/** What the bodies of tasks without an output returned, by number; only of tasks that are complete. */
async function readResults({ context }: Home, found: FoundTask[]): Promise<Map<number, TaskShape['result']>> {
  const marked = found.filter(
    ({ task, planned }) => satisfiesDependents(task.status) && planned.outputs.length === 0,
  )
  const markers = await makeMarkers(context.ports.store).read(marked.map(({ planned }) => planned.id))
  return new Map(
    marked.flatMap(({ task }, index) => {
      const marker = markers[index]
      return marker === undefined ? [] : [[task.number, marker.result]]
    }),
  )
}
