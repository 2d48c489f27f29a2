import { z } from 'zod'
import type { FoundTask } from '../../../control/find-tasks.ts'
import { type LineQuery, parseCursor, type ReadLines, type WrittenLine } from '../../../control/parts.ts'
import { keys } from '../../../core/keys.ts'
import { mustHave } from '../../../core/must-have.ts'
import { findWorkerLogStream } from '../../../core/names.ts'
import type { Store } from '../../../core/ports/deciding.ts'
import type { LinesPage, LinesQuery } from '../../../core/ports/looking.ts'
import { type ReadStepLines, readStepTask, type StepTask } from './read-step-lines.ts'

/** Reads lines of a pool's tasks. */
export type ReadPoolLines = (pool: string, query: LinesQuery) => Promise<LinesPage>

/** Lines of steps of EMR, which are in the log folders of their clusters. */
export interface StepLines {
  read: ReadStepLines
  /** Where the lines of a family's steps are, if the definition tells it; undefined: its tasks are no steps. */
  findLog(family: string): { folder: string | undefined } | undefined
}

/** Lines reach CloudWatch late, and from several hosts: this far back they are looked at again. */
const LATE_MS = 30_000
/** One answer has about so many lines: a line has up to some kilobytes, and a function answers with 6 MB. */
const PAGE_LINES = 2_000
/** A search ends its page after so many lines that it looked through. */
const SEARCH_LINES = 50_000
/** A function has a minute, and looking through a group for nothing takes its time. */
const PAGE_MS = 15_000
/** EMR copies lines of steps every few minutes, so they are looked at no more often; what was copied this far back is looked at again. */
const STEPS_MS = 60_000
const STEPS_LATE_MS = 120_000

/**
 * Which of the places of lines is read, from which instant, and after which page of it; `began`: when the first place was, because what
 * is written there meanwhile is read by the next time; `steps`: when those of steps were last looked at.
 */
const CURSOR = z.strictObject({
  from: z.number(),
  place: z.int(),
  after: z.string().optional(),
  began: z.number().optional(),
  steps: z.number().optional(),
})
type Cursor = z.output<typeof CURSOR>

/** A pool, or one task in it; the jobs of EMR Serverless in a pool are a place of their own, and so are the steps of a task. */
type Place = { pool: string; number?: number; streams?: string[]; ofJobs?: true; steps?: StepTask }

/** Reads the lines of a run from CloudWatch: those of one task by its streams, those of a whole run by its pools. */
export const makeDeployedLineReader =
  (readPoolLines: ReadPoolLines, stepLines: StepLines): ReadLines =>
  async ({ context }, query) => {
    const { clock, store } = context.ports
    const startedAt = clock.now()
    const cursor = readCursor(query, startedAt)
    const places = listLinePlaces(query, stepLines)
    const hasStepsDue = cursor.steps === undefined || cursor.began - cursor.steps >= STEPS_MS
    const lines: WrittenLine[] = []
    let looked = 0
    const isFull = () =>
      lines.length >= PAGE_LINES || looked >= SEARCH_LINES || clock.now() - startedAt > PAGE_MS
    while (cursor.place < places.length) {
      if (isFull()) return { lines, next: JSON.stringify(cursor), isMore: true, looked }
      const page = await readAnyPlace(mustHave(places[cursor.place], 'place to read'))
      looked += page.lines.length
      for (const line of keepHits(page.lines, query.search)) lines.push(line)
      cursor.after = page.next
      if (page.next === undefined) cursor.place++
    }
    const next: Cursor = {
      from: Math.max(cursor.from, cursor.began - LATE_MS),
      place: 0,
      steps: hasStepsDue ? cursor.began : cursor.steps,
    }
    return { lines, next: JSON.stringify(next), isMore: false, looked }

    async function readAnyPlace(place: Place): Promise<LinesPage> {
      if (place.steps === undefined)
        return readPlace(readPoolLines, await withStreams(store, query, place), linesQuery(query, cursor))
      if (!hasStepsDue) return { lines: [] }
      const from = cursor.steps === undefined ? 0 : cursor.steps - STEPS_LATE_MS
      return readStepTask(store, stepLines.read, place.steps, { from, after: cursor.after, now: startedAt })
    }
  }

const keepHits = (lines: LinesPage['lines'], search: LineQuery['search']) =>
  search === undefined ? lines : lines.filter(search.isHit)

function readCursor({ cursor, run }: LineQuery, now: number): Cursor & { began: number } {
  const given = cursor === undefined ? { from: run.createdAt, place: 0 } : parseCursor(CURSOR, cursor)
  return { began: now, ...given }
}

const linesQuery = ({ run, attempt, search }: LineQuery, { from, after }: Cursor): LinesQuery => ({
  run: run.id,
  from,
  ...(attempt === undefined ? {} : { attempt }),
  ...(search === undefined ? {} : { levels: search.levels }),
  ...(after === undefined ? {} : { after }),
})

function listLinePlaces({ run, tasks, isWholeRun, attempt }: LineQuery, { findLog }: StepLines): Place[] {
  const begun = tasks.filter(({ task }) => task.startedAt !== undefined || task.attempt > 1)
  const toPlace = ({
    task: { pool, number, attempt: attempts },
    planned: { job, family },
  }: FoundTask): Place => {
    const log = job && findLog(family)
    if (log) return { pool, steps: { run: run.id, number, attempts, only: attempt, folder: log.folder } }
    return { pool, ...(isWholeRun ? {} : { number }), ...(job === undefined ? {} : { ofJobs: true }) }
  }
  const places = begun.map((each) => [JSON.stringify(toPlace(each)), toPlace(each)] as const)
  return [...new Map(places).values()]
}

/** Streams that are not known any more, or have another name: then all of the group is looked through. */
async function readPlace(
  readPoolLines: ReadPoolLines,
  { pool, streams, ...task }: Place,
  query: LinesQuery,
): Promise<LinesPage> {
  const asked = { ...query, ...task }
  if (streams === undefined) return readPoolLines(pool, asked)
  const found = await readPoolLines(pool, { ...asked, streams })
  if (found.lines.length > 0 || found.next !== undefined || query.after !== undefined) return found
  return readPoolLines(pool, asked)
}

/** The streams of one task's attempts, if its records still tell them. */
async function withStreams(store: Store, { run, tasks }: LineQuery, place: Place): Promise<Place> {
  const { pool, number, ofJobs } = place
  if (number === undefined || ofJobs) return place
  const task = tasks.find((each) => each.task.number === number)?.task
  const attempts = Array.from({ length: task?.attempt ?? 0 }, (_, index) =>
    keys.attempt(run.id, number, index + 1),
  )
  const records = [task, ...(await store.read(attempts))]
  const streams = [
    ...new Set(records.flatMap((record) => findWorkerLogStream(record?.worker ?? '', pool) ?? [])),
  ]
  return streams.length === 0 ? place : { ...place, streams }
}
