import { z } from 'zod'
import { parseCursor } from '../../../control/parts.ts'
import { keys } from '../../../core/keys.ts'
import type { Store } from '../../../core/ports/deciding.ts'
import type { AttemptLine, LinesPage } from '../../../core/ports/looking.ts'
import { EMR_STEP, getLaunchService, type LaunchTimes } from '../../../core/records/launch.ts'
import type { Attempt, TaskRun } from '../../../core/records/task-run.ts'

/** Reads lines of a step from the log folder of its cluster. */
export type ReadStepLines = (
  log: { folder: string; handle: string },
  query: { from: number; after?: string | undefined },
) => Promise<{
  lines: { level: AttemptLine['level']; text: string; isError: boolean; line: number }[]
  next?: string
  found: number
}>

/** The steps of a task whose lines are read. */
export interface StepTask {
  run: string
  number: number
  /** How often it was tried. */
  attempts: number
  /** The only attempt that is wanted. */
  only: number | undefined
  /** The log folder of its clusters; undefined: the definition does not tell it. */
  folder: string | undefined
}

/** From when on, and after which page; `now` by the wall clock. */
interface StepLinesQuery {
  from: number
  after: string | undefined
  now: number
}

/** EMR copies lines about every five minutes: https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-manage-view-web-log-files.html */
const COPIED_MS = 10 * 60_000

/** In which attempt a page ended, and where. */
const CURSOR = z.tuple([z.int(), z.string()])

/** A step that was launched for an attempt. */
interface LaunchedStep {
  attempt: number
  handle: string
  startedAt: number
  endedAt?: number
}

/** A page of lines of a task's steps, attempt by attempt, each followed by what is to be known of lines that are missing. */
export async function readStepTask(
  store: Store,
  read: ReadStepLines,
  task: StepTask,
  { from, after, now }: StepLinesQuery,
): Promise<LinesPage> {
  const [first, rest] = after === undefined ? [1, undefined] : parseCursor(CURSOR, after)
  const steps = await findSteps(store, task)
  const lines: AttemptLine[] = []
  for (const step of steps.filter(({ attempt }) => attempt >= first)) {
    const query = { from, after: step.attempt === first ? rest : undefined }
    const page =
      task.folder === undefined ? NOTHING : await read({ folder: task.folder, handle: step.handle }, query)
    for (const line of page.lines) lines.push(toAttemptLine(task, step, line))
    if (page.next !== undefined)
      return { lines, next: JSON.stringify([step.attempt, page.next] satisfies z.input<typeof CURSOR>) }
    const missing = tellMissing(task.folder, step, page.found, now)
    if (missing !== undefined)
      lines.push(toAttemptLine(task, step, { level: 'warn', text: missing, isError: true, line: 0 }))
  }
  return { lines }
}

type StepPage = Awaited<ReturnType<ReadStepLines>>

const NOTHING: StepPage = { lines: [], found: 0 }

/** No line has a time, so all have that of the start of their step, and what is not of standard output comes behind the rest. */
const toAttemptLine = (
  { run, number }: StepTask,
  { attempt, startedAt }: LaunchedStep,
  { level, text, isError, line }: StepPage['lines'][number],
): AttemptLine => ({
  run,
  number,
  attempt,
  at: startedAt + (isError ? 1 : 0),
  level,
  text,
  ...(line === 0 ? {} : { line }),
})

/** What is to be known of lines that are not there; undefined if none can be missing. */
function tellMissing(
  folder: string | undefined,
  { handle, endedAt }: LaunchedStep,
  found: number,
  now: number,
): string | undefined {
  const place = `${handle.replace('/', '/steps/')}/`
  if (folder === undefined)
    return `EMR keeps the lines of this step in the log folder of its cluster, ${place}. Name the folder, logs: 's3://…', and deploy again to read them here.`
  const mayCome = now < (endedAt ?? now) + COPIED_MS
  if (found > 0)
    return mayCome ? 'EMR copies the lines of a step about every five minutes: more may come.' : undefined
  const said = `EMR has copied no lines of this step to ${folder.replace(/\/+$/, '')}/${place}`
  return mayCome
    ? `${said} yet; it does so about every five minutes.`
    : `${said}; look whether this is the log folder of its cluster.`
}

/** The steps of a task's attempts, as far as its records still tell them. */
async function findSteps(store: Store, { run, number, attempts, only }: StepTask): Promise<LaunchedStep[]> {
  const numbers = Array.from({ length: attempts }, (_, index) => index + 1)
  const records = await store.read([
    ...numbers.map((attempt) => keys.attempt(run, number, attempt)),
    keys.taskRun(run, number),
  ])
  const steps = records.flatMap((record) => (record === undefined ? [] : toStep(record)))
  return steps.filter(({ attempt }) => only === undefined || attempt === only)
}

function toStep(record: Attempt | TaskRun): LaunchedStep[] {
  const { attempt, launch } = record
  if (launch === undefined) return []
  if ('times' in launch) {
    const { handle, times } = launch
    if (handle === undefined || getLaunchService(launch) !== EMR_STEP) return []
    return [{ attempt, handle, startedAt: startOf(times) }]
  }
  const { job } = launch
  if (job === undefined || !STEP.test(job)) return []
  const { endedAt } = record
  return [{ attempt, handle: job, startedAt: startOf(launch), ...(endedAt === undefined ? {} : { endedAt }) }]
}

/** A cluster and its step, as EMR names them. */
const STEP = /^j-[A-Z0-9]+\/s-[A-Z0-9]+$/

const startOf = ({ runningAt, launchedAt, claimedAt }: LaunchTimes) => runningAt ?? launchedAt ?? claimedAt
