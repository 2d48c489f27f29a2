import type { Stored } from '../core/change.ts'
import { SluiceError } from '../core/errors.ts'
import { keys } from '../core/keys.ts'
import type { Attempt, Run, TaskRun, TaskStatus } from '../core/model.ts'
import { momentOf, onWall } from '../core/moment.ts'
import type { PlannedTask } from '../core/plan.ts'
import type { Context } from '../engine/context.ts'
import { newTaskRun } from '../engine/create-run.ts'
import { readyOf } from '../engine/release.ts'
import { unattendedSince } from './attendance.ts'
import type { Home } from './home.ts'
import { didYouMean, shownName } from './suggestion.ts'

/** A task of a run, for people. */
export interface TaskView {
  task: TaskRun
  planned: PlannedTask
  attempts: Attempt[]
  /** When its next attempt may start, by the wall clock. */
  notBefore?: number
}

/** A run with its tasks, joins left out. */
export interface RunView {
  run: Run
  tasks: TaskView[]
  counts: Partial<Record<TaskStatus, number>>
  /** Since when no process works on it, though it is open. */
  unattendedSince?: number | undefined
}

/** All runs, oldest first. */
export async function allRuns({ context }: Home): Promise<Stored<Run>[]> {
  const records = await context.ports.store.list({ prefix: keys.run(''), consistency: 'strong' })
  return records
    .map(({ record }) => record as Stored<Run>)
    .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
}

/** A run by its id, a unique prefix, or `latest`. */
export async function findRun(home: Home, wanted: string): Promise<Stored<Run>> {
  const [named] = await home.context.ports.store.read([keys.run(wanted)])
  if (named?.kind === 'run') return named as Stored<Run>
  const runs = await allRuns(home)
  const exact = wanted === 'latest' ? runs.at(-1) : undefined
  const matching = exact ? [exact] : wanted === '' ? [] : runs.filter((run) => run.id.startsWith(wanted))
  if (matching.length === 1 && matching[0]) return matching[0]
  const ids = matching.map((run) => run.id)
  if (ids.length > 1)
    throw new SluiceError(
      'unknown_run',
      `${ids.length} runs begin with ${wanted}: ${ids.slice(0, 10).join(', ')}.`,
      {
        hint: 'Give more of the id.',
      },
    )
  const near = didYouMean(
    wanted,
    runs.map((run) => run.id),
  )
  throw new SluiceError('unknown_run', `No run is called ${shownName(wanted)}.${near}`, {
    hint: 'sluice runs lists them; `latest` is the newest.',
  })
}

/** Everything there is to see of a run. */
export async function viewRun(home: Home, run: Stored<Run>): Promise<RunView> {
  const { context } = home
  const { store, plans } = context.ports
  const [records, attemptRecords] = await Promise.all([
    store.list({ prefix: keys.taskRuns(run.id), consistency: 'strong' }),
    store.list({ prefix: keys.attempts(run.id), consistency: 'strong' }),
  ])
  const listed = records.map(({ record }) => record as TaskRun)
  const tasks = [...listed, ...(await unreleased(context, run, listed))]
    .filter((task) => !task.join)
    .sort((a, b) => a.number - b.number)
  const planned = await plans.tasks(
    run.id,
    tasks.map((task) => task.number),
  )
  const attempts = Map.groupBy(
    attemptRecords.map(({ record }) => record as Stored<Attempt>),
    (attempt) => attempt.number,
  )
  const moment = momentOf(context.ports.clock)
  const views = tasks.map((task, index) => ({
    task,
    planned: planned[index] as PlannedTask,
    attempts: attempts.get(task.number) ?? [],
    ...(task.notBefore === undefined ? {} : { notBefore: onWall(task.notBefore, moment) }),
  }))
  return { run, tasks: views, counts: countBy(tasks), unattendedSince: await unattendedSince(home, run) }
}

/** Task runs of an open run that are still to be put, as they will be. */
async function unreleased({ ports }: Context, run: Run, listed: TaskRun[]): Promise<TaskRun[]> {
  if (run.status !== 'running') return []
  const there = new Set(listed.map(({ number }) => number))
  const numbers = (await readyOf(ports, run)).filter((number) => !there.has(number))
  return (await ports.plans.tasks(run.id, numbers)).map((task) => newTaskRun(run.id, task, () => true))
}

/** How many tasks are in each status. */
export function countBy(tasks: TaskRun[]): RunView['counts'] {
  const counts: RunView['counts'] = {}
  for (const { status } of tasks) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

/** Tasks by number, label or family. */
export function findTasks(view: RunView, wanted: string): TaskView[] {
  const found = /^\d+$/.test(wanted)
    ? view.tasks.filter(({ task }) => task.number === Number(wanted))
    : view.tasks.filter(({ planned }) => planned.label === wanted || planned.family === wanted)
  if (found.length > 0) return found
  const names = [...new Set(view.tasks.flatMap(({ planned }) => [planned.family, planned.label]))]
  throw new SluiceError(
    'unknown_task',
    `Run ${view.run.id} has no task ${shownName(wanted)}.${didYouMean(wanted, names)}`,
    {
      hint: `sluice status ${view.run.id} lists them; a task is named by family, Family(k=v,…) or number.`,
    },
  )
}
