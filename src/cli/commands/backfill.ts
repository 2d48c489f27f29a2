import { type FollowEnd, resumeRun } from '../../control/follow-runs.ts'
import type { Home } from '../../control/home.ts'
import { lookingAtHome } from '../../control/looking.ts'
import { type Asked, findScheduled, requestForInterval, startRun } from '../../control/requests.ts'
import { describeInterval, type Span, spanOf } from '../../core/calendar.ts'
import { SluiceError } from '../../core/errors.ts'
import { keys } from '../../core/keys.ts'
import type { Run } from '../../core/model.ts'
import { intervalsIn } from '../../core/schedule.ts'
import type { Schedule } from '../../define/schedule.ts'
import type { TaskInstance } from '../../define/task.ts'
import { planningOf } from '../../planning/planning.ts'
import type { Project } from '../../project/load-config.ts'
import { askFirst } from '../ask.ts'
import { EXIT } from '../exit.ts'
import { projectHome } from '../homes.ts'
import type { Result } from '../options.ts'
import { waitLines } from '../render/reasons.ts'
import { columns, statusText } from '../render/text.ts'
import { follow, progressView, type RunOptions } from './run.ts'

/** Flags of `sluice backfill`. */
export interface BackfillOptions extends RunOptions {
  from: string
  to: string
  maxActiveRuns: number
  yes?: true
}

/** More intervals are asked for first. */
const ASK_FROM = 1_000
const MOST = 1_000_000

/** An interval of a backfill, and what has become of it. */
export interface Interval {
  name: string
  asked: Asked
  status: Run['status'] | 'complete' | 'not started'
  run?: string
  /** What its run waits for, where it is open at the end. */
  waits?: string[]
}

/** Runs every interval of a range that is not complete, oldest first, a few at a time. */
export async function backfill(
  project: Project,
  name: string,
  given: Record<string, unknown>,
  options: BackfillOptions,
): Promise<Result> {
  const pipeline = findScheduled(project, name)
  const schedule = pipeline.schedule as Schedule
  const spans = spansOf(schedule, options)
  if (spans.length > ASK_FROM && !options.yes)
    await askFirst(`The range has ${spans.length} intervals.`, {
      question: 'Run them all?',
      refusal: 'Nothing was started.',
      hint: 'Name a smaller range, or add --yes.',
    })
  const intervals = spans.map((span): Interval => {
    const asked = requestForInterval(pipeline, span, given)
    const { start, end } = describeInterval(span, schedule.timeZone)
    return { name: `${start} – ${end}`, asked, status: 'not started' }
  })
  if (options.env !== undefined) return workRemotely(project, name, intervals, options)
  const home = projectHome(options, project)
  try {
    await markComplete(home, intervals)
    const end = await work(home, intervals, options)
    return toResult(name, intervals, end)
  } finally {
    await home.close()
  }
}

/** The intervals that begin in the range; `--to` is included as a whole. */
function spansOf(schedule: Schedule, { from, to }: BackfillOptions): Span[] {
  const [first, last] = [bound('--from', from, schedule), bound('--to', to, schedule)]
  if (first.start > last.start)
    throw new SluiceError('invalid_usage', `--from ${from} is after --to ${to}.`, {
      hint: 'Turn them round.',
    })
  const range = { start: first.start, end: last.end }
  const spans: Span[] = []
  for (const span of intervalsIn(schedule, range)) {
    if (span.end > Date.now())
      throw new SluiceError(
        'invalid_usage',
        `The interval ${describeInterval(span, schedule.timeZone).start} has not ended yet, so there is nothing to run for it.`,
        { hint: spans.length === 0 ? 'Name a range that has ended.' : 'Name an earlier --to.' },
      )
    spans.push(span)
    if (spans.length > MOST)
      throw new SluiceError('invalid_usage', `The range has more than ${MOST} intervals.`, {
        hint: 'Name a smaller range.',
      })
  }
  if (spans.length > 0) return spans
  throw new SluiceError('invalid_usage', `No interval of ${schedule.cron} begins from ${from} to ${to}.`)
}

function bound(flag: string, text: string, { timeZone }: Schedule): Span {
  const span = spanOf(text, timeZone)
  if (span !== undefined) return span
  throw new SluiceError('invalid_usage', `${flag} ${text} is no time that exists.`, {
    hint: 'Write a day 2026-05-17, an hour 2026-05-17T10 or a minute 2026-05-17T10:15, in the zone of the schedule.',
  })
}

async function workRemotely(
  project: Project,
  name: string,
  intervals: Interval[],
  options: BackfillOptions,
): Promise<Result> {
  const { connect } = await import('../remote/connect.ts')
  const { backfillRemotely, markCompleteRemotely } = await import('../remote/backfill.ts')
  const connection = await connect(options, project)
  await markCompleteRemotely(connection, name, intervals)
  const say = (line: string) => progressView(options).say(line)
  const end = await backfillRemotely(connection, intervals, options.maxActiveRuns, say)
  if (end !== 'ended') await addWaits(connection.home, intervals)
  return toResult(name, intervals, end)
}

const BULK = 10_000

async function markComplete(home: Home, intervals: Interval[]): Promise<void> {
  const planning = planningOf(home.surroundings)
  for (let start = 0; start < intervals.length; start += BULK) {
    const some = intervals.slice(start, start + BULK)
    const answers = await planning.areComplete(some.map(({ asked }) => asked.root as TaskInstance))
    some.forEach((interval, index) => {
      if (answers[index]) interval.status = 'complete'
    })
  }
}

async function work(home: Home, intervals: Interval[], options: BackfillOptions): Promise<FollowEnd> {
  const view = progressView(options)
  const left = intervals.filter(({ status }) => status !== 'complete')
  view.say(`${intervals.length} intervals, ${intervals.length - left.length} of them complete`)
  const byRun = new Map<string, Interval>()
  const next = async (): Promise<string | undefined> => {
    for (let interval = left.shift(); interval !== undefined; interval = left.shift()) {
      const started = await startRun(home, interval.asked)
      if (started === undefined) interval.status = 'complete'
      else {
        if (!started.opened) await resumeRun(home, started.run)
        byRun.set(started.run, Object.assign(interval, { run: started.run }))
        return started.run
      }
    }
    return undefined
  }
  const onRunEnd = (run: Run) => {
    const interval = byRun.get(run.id)
    if (interval === undefined) return
    interval.status = run.status
    view.say(`${run.status.padEnd(10)} ${interval.name}`)
  }
  const end = await follow(home, view, { ...options, next, maxActive: options.maxActiveRuns, onRunEnd })
  for (const [id, interval] of byRun) {
    const [run] = (await home.context.ports.store.read([keys.run(id)])) as [Run?]
    if (run !== undefined) interval.status = run.status
  }
  if (end !== 'ended') await addWaits(home, intervals)
  return end
}

/** More are not looked at: each takes a look at all tasks of its run. */
const EXPLAINED = 50

/** Notes what open intervals wait for. */
async function addWaits(home: Home, intervals: Interval[]): Promise<void> {
  const open = intervals.filter(({ status, run }) => run !== undefined && status === 'running')
  for (const interval of open.slice(0, EXPLAINED)) {
    interval.waits = waitLines(await lookingAtHome(home).waits({ run: interval.run ?? '' }))
  }
}

function waitingLines(intervals: Interval[]): string[] {
  const waiting = intervals.filter(({ waits = [] }) => waits.length > 0)
  if (waiting.length === 0) return []
  return ['', 'Waiting:', ...waiting.map(({ name, waits = [] }) => `  ${name}: ${waits.join('; ')}`)]
}

function toResult(name: string, intervals: Interval[], end: FollowEnd): Result {
  const data = {
    pipeline: name,
    end,
    intervals: intervals.map(({ name: interval, status, run, waits }) => ({
      interval,
      status,
      run: run ?? null,
      ...(waits === undefined ? {} : { waits }),
    })),
  }
  const counts = [...Map.groupBy(intervals, ({ status }) => status)].map(
    ([status, some]) => `${some.length} ${status}`,
  )
  const failed = intervals.filter(({ status }) => status === 'failed' || status === 'cancelled')
  const rows = failed.map(({ name: interval, status, run = '' }) => [
    interval,
    statusText(status as Run['status']),
    `sluice status ${run}`,
  ])
  const text = [
    `Backfill of ${name}: ${counts.join(', ')}`,
    ...(rows.length === 0 ? [] : ['', columns(['interval', 'status', 'look'], rows)]),
    ...waitingLines(intervals),
    ...(end === 'ended' ? [] : ['It is not done; the same command goes on. sluice runs shows what is open.']),
  ].join('\n')
  const exitCode = end !== 'ended' ? EXIT.waiting : failed.length > 0 ? EXIT.failed : EXIT.done
  return { data, text, exitCode }
}
