import type { z } from 'zod'
import { SluiceError } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import type { TaskEvent } from '../core/ports/luigi.ts'
import { formatShownName, suggestName } from '../define/suggestion.ts'
import { countRunning, explainTask, nameTask } from '../luigi/explain-task.ts'
import { sumRunningAmounts } from '../luigi/scheduler/amounts.ts'
import { listPublicParams } from '../luigi/scheduler/describe-task.ts'
import { countByStatus } from '../luigi/scheduler/lists.ts'
import type { SchedulerState } from '../luigi/scheduler/state.ts'
import type { LuigiTask } from '../luigi/scheduler/task.ts'
import { UpstreamFinder } from '../luigi/scheduler/upstream.ts'
import { countProcesses, isAssistant, type LuigiWorker } from '../luigi/scheduler/worker.ts'
import type { SchedulerLook } from '../luigi/scheduler-reader.ts'
import type { Control } from './control.ts'
import { checkRequestShape } from './parts.ts'
import * as shape from './schemas.ts'

type Shape<S extends z.ZodType> = z.output<S>
type LuigidOperations = Pick<Control, 'luigid' | 'luigidTasks' | 'luigidTask' | 'luigidWorkers'>

const MOST_RESOURCES = 1_000
const MOST_NAMED = 100
const MOST_EVENTS = 20

/** Looks at Luigi's central scheduler of a state; `find` gives undefined if none has worked on it. */
export function makeLuigidOperations(find: () => SchedulerLook | undefined): LuigidOperations {
  const scheduler = () => find() ?? refuseWithoutScheduler()
  return {
    luigid: async () => ({ scheduler: find()?.look(viewScheduler) ?? null }),
    async luigidTasks(query = {}) {
      const wanted = checkRequestShape(shape.LuigidTaskQuery, query)
      return scheduler().look((state) => readTaskPage(state, wanted))
    },
    async luigidTask(query) {
      const { task } = checkRequestShape(shape.LuigidTaskRef, query)
      const from = scheduler()
      return from.look((state) => {
        const found = findLuigidTask(state, task)
        return viewTaskDetail(state, found, from.readEvents({ taskId: found.id, limit: MOST_EVENTS }))
      })
    },
    async luigidWorkers(query = {}) {
      const wanted = checkRequestShape(shape.LuigidWorkerQuery, query)
      return scheduler().look((state) => readWorkerPage(state, wanted))
    },
  }
}

function refuseWithoutScheduler(): never {
  throw new SluiceError('no_luigi_scheduler', 'No central scheduler of Luigi has worked on this state.', {
    hint: 'Start one: sluice luigid, or sluice dev --luigid. Another state is named with --state.',
  })
}

const toMs = (seconds: number) => Math.round(seconds * 1_000)
const toMsOrNull = (seconds: number | null) => (seconds === null ? null : toMs(seconds))

function viewScheduler(state: SchedulerState): Shape<typeof shape.Luigid>['scheduler'] {
  const { resources, paused } = state.settings
  const used = sumRunningAmounts(state.withStatus('RUNNING'))
  return {
    paused,
    counts: Object.fromEntries(countByStatus(state).filter(([, count]) => count > 0)),
    workers: [...state.workers()].length,
    resources: Object.entries(resources)
      .slice(0, MOST_RESOURCES)
      .map(([resource, limit]) => ({ resource, limit, held: used.taken(resource) })),
  }
}

/** Tasks in the order in which they came; the cursor is the number of the last one. */
function readTaskPage(
  state: SchedulerState,
  { statuses, text = '', cursor, limit }: Shape<typeof shape.LuigidTaskQuery>,
): Shape<typeof shape.LuigidTaskPage> {
  const after = readCursor(cursor)
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  const upstream = new UpstreamFinder(state)
  const tasks: LuigiTask[] = []
  let found = 0
  let isMore = false
  for (const task of state.tasks()) {
    if (statuses !== undefined && !statuses.includes(task.status)) continue
    const name = words.length === 0 ? '' : nameTask(task).toLowerCase()
    if (!words.every((word) => name.includes(word))) continue
    found++
    if (task.number <= after) continue
    if (tasks.length < limit) tasks.push(task)
    else isMore = true
  }
  const next = isMore ? String(tasks.at(-1)?.number) : null
  return { tasks: tasks.map((task) => viewTask(task, upstream)), found, next }
}

function readCursor(cursor: string | undefined): number {
  if (cursor === undefined) return 0
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor)
  throw new SluiceError('invalid_usage', `${cursor.slice(0, 100)} is no cursor of such a page.`, {
    hint: 'Give the `next` of the page before.',
  })
}

function viewTask(task: LuigiTask, upstream: UpstreamFinder): Shape<typeof shape.LuigidTask> {
  const { id, family, status, priority, workerRunning, trackingUrl } = task
  return {
    id,
    task: nameTask(task),
    family,
    status,
    upstream: (status === 'PENDING' && task.deps.size > 0 && upstream.find(task)) || null,
    priority,
    worker: workerRunning,
    addedAt: toMs(task.created),
    updatedAt: toMs(task.updated),
    startedAt: toMsOrNull(task.timeRunning),
    message: writeText(task.statusMessage),
    progress: typeof task.progress === 'number' ? task.progress : null,
    trackingUrl,
    resources: { ...task.resources },
  }
}

/** What a client has sent as a text, though it may be any JSON. */
const writeText = (value: Json | undefined): string | null =>
  value === null || value === undefined ? null : typeof value === 'string' ? value : JSON.stringify(value)

function viewTaskDetail(
  state: SchedulerState,
  task: LuigiTask,
  events: TaskEvent[],
): Shape<typeof shape.LuigidTaskDetail> {
  const dependencies = [...task.deps].slice(0, MOST_NAMED).map((id) => {
    const known = state.task(id)
    return { id, task: known === undefined ? id : nameTask(known), status: known?.status ?? 'UNKNOWN' }
  })
  return {
    ...viewTask(task, new UpstreamFinder(state)),
    module: task.module,
    params: listPublicParams(task),
    workers: [...task.workers].slice(0, MOST_NAMED),
    reasons: explainTask(state, task).map(({ text, until }) => ({
      text,
      ...(until !== undefined && { until: toMs(until) }),
    })),
    error: readExplanation(task.explanation),
    dependencies,
    moreDependencies: task.deps.size - dependencies.length,
    history: events.map(({ at, status, worker }) => ({
      at: toMs(at),
      status: shape.LuigidStatus.parse(status),
      worker,
    })),
  }
}

/** A client sends an explanation as a string in JSON. */
function readExplanation(explanation: string | null): string | null {
  if (explanation === null || explanation === '') return null
  try {
    return writeText(JSON.parse(explanation) as Json)
  } catch {
    return explanation
  }
}

/** The one task of this id, name or family; throws if it is none or several. */
function findLuigidTask(state: SchedulerState, wanted: string): LuigiTask {
  const known = state.task(wanted)
  if (known !== undefined) return known
  const all = [...state.tasks()]
  const found = all.filter((task) => task.family === wanted || nameTask(task) === wanted)
  const [first] = found
  if (first !== undefined && found.length === 1) return first
  if (first !== undefined)
    throw new SluiceError(
      'unknown_task',
      `${found.length} tasks of Luigi's scheduler are called ${wanted}.`,
      {
        hint: `Name one by its id: ${found
          .slice(0, 5)
          .map(({ id }) => id)
          .join(', ')}${found.length > 5 ? ', …' : ''}.`,
      },
    )
  const names = [...new Set(all.map(({ family }) => family))]
  throw new SluiceError(
    'unknown_task',
    `Luigi's scheduler knows no task ${formatShownName(wanted)}.${suggestName(wanted, names)}`,
    { hint: 'sluice status luigid lists them; a task is named by its id, Family or Family(k=v, …).' },
  )
}

/** Workers in the order in which they came; the cursor is the number of the last one. */
function readWorkerPage(
  state: SchedulerState,
  { cursor, limit }: Shape<typeof shape.LuigidWorkerQuery>,
): Shape<typeof shape.LuigidWorkerPage> {
  const after = readCursor(cursor)
  const rest = [...state.workers()].filter(({ number }) => number > after).sort((a, b) => a.number - b.number)
  const page = rest.slice(0, limit)
  const running = countRunning(state)
  return {
    workers: page.map((worker) => viewWorker(state, worker, running.get(worker.id) ?? 0)),
    next: rest.length > limit ? String(page.at(-1)?.number) : null,
  }
}

function viewWorker(
  state: SchedulerState,
  worker: LuigiWorker,
  running: number,
): Shape<typeof shape.LuigidWorker> {
  const { id, info, started, lastActive, disabled } = worker
  const first = writeText(info.first_task)
  const task = first === null ? undefined : state.task(first)
  return {
    worker: id,
    host: writeText(info.host),
    processes: countProcesses(worker),
    firstTask: task === undefined ? first : nameTask(task),
    isAssistant: isAssistant(worker),
    isDisabled: disabled,
    startedAt: toMs(started),
    lastActiveAt: toMs(lastActive),
    running,
    pending: Math.max(0, state.countPending(id).pending),
  }
}
