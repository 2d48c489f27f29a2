import type { Home } from '../../control/home.ts'
import { findRun, findTasks, type RunView, type TaskView, viewRun } from '../../control/inspect.ts'
import { scheduleProblem } from '../../control/requests.ts'
import { readResults } from '../../control/results.ts'
import { intervalsOf } from '../../core/calendar.ts'
import { messageOf } from '../../core/errors.ts'
import type { Json, TaskRun } from '../../core/model.ts'
import { flagOf } from '../../define/flags.ts'
import { isSignificant, kindOf } from '../../define/params.ts'
import type { Pipeline } from '../../define/pipeline.ts'
import type { Schedule } from '../../define/schedule.ts'
import { readSchedule } from '../../engine/schedules.ts'
import { brokenText } from '../../project/check-definitions.ts'
import type { Project } from '../../project/load-config.ts'
import { EXIT } from '../exit.ts'
import { existingHome, homeWithRuns } from '../homes.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { columns, instant, statusText, took } from '../render.ts'
import { summaryData, summaryText } from '../summary.ts'
import { taskDetail } from '../task-detail.ts'

/** Every pipeline with its parameters and where its schedule stands. */
export async function describePipelines(project: Project, home: Home | undefined) {
  return Promise.all(
    [...project.pipelines.values()].map(async (pipeline) => ({
      ...describe(pipeline),
      schedule: await scheduleOf(pipeline, home),
    })),
  )
}

async function scheduleOf(pipeline: Pipeline, home: Home | undefined) {
  const { name, schedule } = pipeline
  if (schedule === undefined) return null
  const record = home && (await readSchedule(home.context, name))
  const { cron, timeZone } = schedule
  return {
    cron,
    timeZone,
    paused: record?.paused ?? true,
    ...whenOf(pipeline),
    open: record?.open.length ?? 0,
    failing: record?.open.filter((each) => each.run === undefined && each.retryAt !== undefined).length ?? 0,
    givenUp:
      record?.open.filter((each) => each.run === undefined && each.failures > 0 && !each.retryAt).length ?? 0,
  }
}

/** When it fires next, and why its next run could not start; one bad schedule does not hide the others. */
function whenOf(pipeline: Pipeline): { nextAt: number | null; problem: string | null } {
  try {
    const intervals = intervalsOf(pipeline.schedule as Schedule)
    const { end } = intervals.after(intervals.endedBefore(Date.now()))
    return { nextAt: end, problem: scheduleProblem(pipeline, Date.now()) ?? null }
  } catch (error) {
    return { nextAt: null, problem: messageOf(error) }
  }
}

function describe({ name, root, description }: Pipeline) {
  return {
    name,
    root: root.family,
    description: description ?? null,
    params: Object.entries(root.fields).map(([param, field]) => ({
      name: param,
      flag: `--${flagOf(param)}`,
      kind: kindOf(field),
      required: !field.safeParse(undefined).success,
      significant: isSignificant(field),
    })),
  }
}

function scheduleText({
  cron,
  timeZone,
  paused,
  failing,
  givenUp,
  problem,
}: NonNullable<Awaited<ReturnType<typeof scheduleOf>>>) {
  const notes = [
    ...(paused ? ['paused'] : []),
    ...(problem === null ? [] : [`its runs cannot start: ${problem}`]),
    ...(failing > 0 ? [`${failing} intervals have failed and are tried again`] : []),
    ...(givenUp > 0 ? [`${givenUp} intervals failed for good`] : []),
  ]
  return `${cron} ${timeZone}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`
}

/** Lists pipelines with their parameters and schedules, and modules that did not load; as data a line for each. */
export async function listPipelines(project: Project, options: GlobalOptions): Promise<Result> {
  const home = await existingHome(options)
  const pipelines = await describePipelines(project, home).finally(() => home?.close())
  const rows = pipelines.map(({ name, root, params, description, schedule }) => [
    name,
    root,
    params.map((each) => (each.required ? each.flag : `[${each.flag}]`)).join(' '),
    schedule === null ? '' : scheduleText(schedule),
    description ?? '',
  ])
  const broken = project.broken.map(brokenText)
  const table = columns(['pipeline', 'root', 'parameters', 'schedule', ''], rows)
  const data = [
    ...pipelines.map((each) => ({ pipeline: each.name, ...each })),
    ...project.broken.map(({ path, message }) => ({ module: path, message })),
  ]
  const exitCode = pipelines.length === 0 && broken.length > 0 ? EXIT.usage : EXIT.done
  for (const each of broken) console.error(`warning: ${each}`)
  return { data, text: table, exitCode }
}

/** Flags of `sluice status`. */
export interface StatusOptions extends GlobalOptions {
  task?: string
  /** Only tasks that failed. */
  failed?: true
}

/** Shows a run task by task, or everything about one task. */
export async function showStatus(
  wanted: string,
  task: string | undefined,
  options: StatusOptions,
): Promise<Result> {
  const home = await homeWithRuns(options)
  try {
    const view = await viewRun(home, await findRun(home, wanted))
    const name = task ?? options.task
    const named = name === undefined ? view.tasks : findTasks(view, name)
    const tasks = options.failed ? named.filter(({ task }) => task.status === 'failed') : named
    const results = await readResults(home, tasks)
    const data = { ...summaryData(view), tasks: tasks.map((each) => taskData(each, results)) }
    const [only] = tasks
    if (name !== undefined && only !== undefined && tasks.length === 1)
      return { data, text: taskDetail(only, results.get(only.task.number), view.unattendedSince) }
    return { data, text: [taskTable(view, tasks, results), '', summaryText(view, options.env)].join('\n') }
  } finally {
    await home.close()
  }
}

function taskTable({ unattendedSince }: RunView, tasks: TaskView[], results: Map<number, Json>): string {
  if (tasks.length === 0) return 'No task has failed.'
  const rows = tasks.map((each) => taskRow(each, results.get(each.task.number), unattendedSince))
  return columns(['#', 'task', 'status', 'attempt', 'took', ''], rows)
}

function taskRow(view: TaskView, result: Json | undefined, unattendedSince: number | undefined): string[] {
  const { task, planned } = view
  const end = task.endedAt ?? unattendedSince ?? Date.now()
  const time = task.startedAt === undefined ? '' : took(end - task.startedAt)
  return [
    String(task.number),
    planned.label,
    statusText(task.status),
    task.startedAt === undefined ? '' : String(task.attempt),
    task.status === 'queued' ? '' : time,
    [note(view), resultNote(result)].filter(Boolean).join('; '),
  ]
}

const SHOWN_RESULT = 60

/** The result of a task without an output, where it says anything; `status RUN TASK` shows all of it. */
function resultNote(result: Json | undefined): string | undefined {
  if (result === undefined || result === null) return undefined
  const text = JSON.stringify(result)
  return text.length > SHOWN_RESULT ? `${text.slice(0, SHOWN_RESULT - 1)}…` : text
}

function note(view: TaskView): string {
  const { task } = view
  if (task.status === 'running' && task.progress) {
    const { done, total, text = '' } = task.progress
    return `${done}${total === undefined ? '' : `/${total}`} ${text}`.trim()
  }
  if (task.status === 'waiting') return `waits for ${waitsFor(task.waitsFor ?? '')}`
  return [moreMemory(task), delay(view), task.failure?.message ?? ''].filter(Boolean).join('; ')
}

function moreMemory({ memoryMb, counts, status }: TaskRun): string {
  const times = counts?.out_of_memory ?? 0
  if (memoryMb === undefined || times === 0) return ''
  const often = times === 1 ? 'once' : `${times} times`
  if (status === 'failed') return `ran out of memory ${often}, at last with ${memoryMb} MB`
  return `given ${memoryMb} MB after it ran out of memory ${often}`
}

const delay = ({ task, notBefore }: TaskView) =>
  task.status === 'queued' && notBefore !== undefined ? `not before ${instant(notBefore)} UTC` : ''

/** The row that a task waits for, for people. */
function waitsFor(row: string): string {
  if (row === 'target') return 'its target'
  const [kind, of, name] = row.split('/')
  return kind === 'limit' ? `the ${of} ${name}` : 'another run'
}

/** A task for `--json`; `result` is what a body without an output returned. */
export function taskData(
  { task, planned, attempts, notBefore }: TaskView,
  results?: ReadonlyMap<number, Json>,
) {
  return {
    number: task.number,
    task: planned.label,
    id: task.taskId,
    family: planned.family,
    params: planned.params,
    status: task.status,
    attempt: task.attempt,
    startedAt: task.startedAt ?? null,
    endedAt: task.endedAt ?? null,
    peakMemoryBytes: task.peakMemoryBytes ?? null,
    cpuSeconds: task.cpuSeconds ?? null,
    worker: task.worker ?? null,
    code: task.code ?? null,
    memoryMb: task.memoryMb ?? planned.policy.memoryMb ?? null,
    pool: task.pool,
    priority: task.priority,
    counts: task.counts ?? {},
    waitingSince: task.waitingSince ?? null,
    notBefore: notBefore ?? null,
    waitsFor: task.waitsFor ?? null,
    progress: task.progress ?? null,
    failure: task.failure ?? null,
    outputs: planned.outputs,
    result: results?.get(task.number) ?? null,
    attempts: attempts.map(({ kind: _, run: __, number: ___, ...attempt }) => attempt),
  }
}
