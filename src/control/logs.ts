import { z } from 'zod'
import { makeEndLines } from '../core/end-lines.ts'
import { SluiceError } from '../core/errors.ts'
import type { Run } from '../core/records/run.ts'
import { isRunOpen } from '../core/records/status.ts'
import type { LogPage } from './control.ts'
import { type FoundTask, findMatchingTasks, readAttempts, requireTask } from './find-tasks.ts'
import type { Home } from './home.ts'
import { makeLineFilter } from './log-search.ts'
import { type LineQuery, parseCursor, type ReadLines, type WrittenLine } from './parts.ts'
import type { LogQuery } from './schemas.ts'

/** A line of an attempt, or the error that ended it. */
type Line = LogPage['lines'][number]

const LOOK_AGAIN_MS = 300

/** Up to where the lines and ends were read: `lines` is what the reader of lines goes on from. */
const CURSOR = z.strictObject({ lines: z.string(), ends: z.array(z.string()) })

const formatCursor = (lines: string, ends: string[]) =>
  JSON.stringify({ lines, ends } satisfies z.input<typeof CURSOR>)

/** Lines of a run or of one of its tasks, in order of time; the error that ended an attempt is its last one. */
export async function readLogPage(
  home: Home,
  run: Run,
  readLines: ReadLines,
  query: Omit<z.output<typeof LogQuery>, 'run'>,
): Promise<LogPage> {
  const { task: name, attempt } = query
  const tasks: FoundTask[] = []
  for await (const task of findMatchingTasks(home, run, { task: name })) tasks.push(task)
  if (tasks.length === 0 && name !== undefined) await requireTask(home, run, name)
  const begun = tasks.map(({ task }) => (task.startedAt === undefined ? 0 : task.attempt))
  const most = begun.reduce((most, each) => Math.max(most, each), 0)
  const mayCome = query.follow && isRunOpen(run.status)
  if (attempt !== undefined && attempt > most && !mayCome) throw unknownAttempt(run, name, attempt, most)
  const cursor = query.cursor === undefined ? undefined : parseCursor(CURSOR, query.cursor)
  const search = makeLineFilter(query)
  const wanted: LineQuery = {
    run,
    tasks,
    isWholeRun: name === undefined,
    attempt,
    cursor: cursor?.lines,
    limit: query.limit,
    search,
  }
  const { lines, next, isMore, looked } = await readLines(home, wanted)
  // Its runner has written how the attempt ended, unless it died before; then the record tells.
  const shown = [...(cursor?.ends ?? []), ...lines.filter(({ isEnd }) => isEnd).map(attemptName)]
  const ends = isMore ? [] : await readNewEnds(home, wanted, shown)
  const told = [...shown, ...ends.map(attemptName)]
  const shownEnds = search === undefined ? ends : ends.filter(search.isHit)
  const labels = new Map(tasks.map(({ task, planned }) => [task.number, planned.label]))
  return {
    run: run.id,
    lines: mergeEnds(lines, shownEnds, labels),
    next: formatCursor(next, [...new Set(told)]),
    isMore,
    looked: looked + ends.length,
    isOpen: isRunOpen(run.status),
    hasBegun: most > 0,
    isSingle: (run.tasks ?? 0) <= 1,
    lookAgainMs: LOOK_AGAIN_MS,
  }
}

function unknownAttempt(run: Run, name: string | undefined, attempt: number, most: number): SluiceError {
  const last = most === 0 ? ': nothing has begun' : `; the last one is ${most}`
  return new SluiceError(
    'unknown_attempt',
    `${name ?? `Run ${run.id}`} has had no attempt ${attempt}${last}.`,
    { hint: `sluice status ${run.id} shows how often each task was tried.` },
  )
}

const attemptName = ({ number, attempt }: Pick<WrittenLine, 'number' | 'attempt'>) => `${number}.${attempt}`

/** The stacks and errors that ended attempts, those left out that were told before. */
async function readNewEnds(
  home: Home,
  { run, tasks, attempt }: LineQuery,
  told: string[],
): Promise<WrittenLine[]> {
  const attempts = await readAttempts(home, run, tasks)
  const known = new Set(told)
  return tasks
    .flatMap((task) => listAttemptEnds(task, attempts.get(task.task.number) ?? []))
    .filter((end) => attempt === undefined || end.attempt === attempt)
    .filter((end) => !known.has(attemptName(end)))
}

/** A task may also fail without an attempt, for instance because its `requires` threw. */
function listAttemptEnds(
  { task }: FoundTask,
  attempts: Awaited<ReturnType<typeof readAttempts>> extends Map<number, infer A> ? A : never,
): WrittenLine[] {
  const { number, endedAt = 0, failure } = task
  const own =
    task.status === 'failed' && attempts.length === 0 ? [{ attempt: task.attempt, endedAt, failure }] : []
  return [...attempts, ...own].flatMap(({ attempt, endedAt: at, failure }) => {
    if (failure === undefined) return []
    return makeEndLines(failure, at).map((line) => ({ ...line, number, attempt }))
  })
}

/** Lines in order of time, each end after the last line of its attempt. */
function mergeEnds(lines: WrittenLine[], ends: WrittenLine[], labels: Map<number, string>): Line[] {
  const lastAt = new Map(lines.map((line) => [attemptName(line), line.at]))
  // The clock that the state goes by may be behind that of the lines.
  const places = new Map(ends.map((end) => [end, Math.max(end.at, lastAt.get(attemptName(end)) ?? 0)]))
  const placeOf = (line: WrittenLine) => places.get(line) ?? line.at
  return [...lines, ...ends]
    .sort((a, b) => placeOf(a) - placeOf(b))
    .map(({ at, level, text, number, attempt, line, around }) => {
      const task = labels.get(number) ?? String(number)
      const place = line === undefined ? {} : { line }
      const window = around === undefined ? {} : { around: formatCursor(around, []) }
      return { at, level, text, task, number, attempt, ...place, ...window }
    })
}
