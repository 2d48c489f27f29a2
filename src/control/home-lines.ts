import { z } from 'zod'
import type { AttemptName, LogLine, Logs } from '../core/ports/looking.ts'
import { type LineQuery, parseCursor, type ReadLines, type WrittenLine } from './parts.ts'

/** A search looks through so many bytes at once, and goes on with its next page. */
const SEARCH_BYTES = 16 * 1024 * 1024
/** Opening a file takes its time too: a read counts as so many bytes at least. */
const READ_BYTES = 16 * 1024
/** A hit is shown with so many lines before it, or with half of a window of long ones. */
const LINES_BEFORE = 100
const BYTES_BEFORE = 512 * 1024

/** A place in the log of an attempt: the byte, and how many lines are before it. */
const PLACE = z.tuple([z.int().min(0), z.int().min(0)])
type Place = z.output<typeof PLACE>

/** Up to where each log was read, by `number.attempt`; in which one the page ended; a place well before that end. */
const CURSOR = z.strictObject({
  read: z.record(z.string(), PLACE),
  in: z.tuple([z.int(), z.int()]).optional(),
  before: PLACE.optional(),
})
type Cursor = z.output<typeof CURSOR>

const START: Place = [0, 0]

/** Reads the logs of a home on this machine, each from where the page before ended; never more than a window of 1 MB at once. */
export const readHomeLines: ReadLines = async ({ logs }, query) => {
  const { run, limit = Number.POSITIVE_INFINITY, search, cursor: given } = query
  const cursor: Cursor = given === undefined ? { read: {} } : parseCursor(CURSOR, given)
  const names = (await logs.list(run.id)).filter(makeNameFilter(query, cursor))
  const most = search === undefined ? Number.POSITIVE_INFINITY : SEARCH_BYTES
  const lines: WrittenLine[] = []
  let looked = 0
  let bytes = 0
  for await (const window of readWindows(logs, names, cursor)) {
    looked += window.lines.length
    bytes += window.bytes
    for (const line of pickLines(window, search)) lines.push(line)
    if (lines.length >= limit || bytes >= most)
      return { lines, next: JSON.stringify(cursor), isMore: true, looked }
  }
  return { lines, next: JSON.stringify({ read: cursor.read } satisfies Cursor), isMore: false, looked }
}

/** What one read of a log gave; `from` is where it began, and `before` a place well before that, if there is one. */
interface Window {
  name: AttemptName
  lines: LogLine[]
  from: Place
  before: Place
  bytes: number
}

/** The windows of several logs, one after the other; the cursor goes with them. The last one of each log is empty. */
async function* readWindows(logs: Logs, names: AttemptName[], cursor: Cursor): AsyncGenerator<Window> {
  for (const name of names) {
    const key = formatName(name)
    let before = (isIn(cursor, name) && cursor.before) || cursor.read[key] || START
    for (let isEnd = false; !isEnd; ) {
      const from = cursor.read[key] ?? START
      const { lines, next } = await logs.read(name, from[0])
      const bytes = next - from[0]
      const isLarge = lines.length >= LINES_BEFORE || bytes >= BYTES_BEFORE
      cursor.read[key] = [next, from[1] + lines.length]
      cursor.in = [name.number, name.attempt]
      cursor.before = isLarge ? from : before
      yield { name, lines, from, before, bytes: Math.max(bytes, READ_BYTES) }
      before = cursor.before
      isEnd = lines.length === 0
    }
  }
}

const formatName = ({ number, attempt }: AttemptName) => `${number}.${attempt}`

const isIn = ({ in: place }: Cursor, { number, attempt }: AttemptName) =>
  place?.[0] === number && place[1] === attempt

/** Attempts that the query wants, from the one on in which the page before ended. */
function makeNameFilter({ tasks, attempt: only }: LineQuery, { in: place }: Cursor) {
  const wanted = new Set(tasks.map(({ task }) => task.number))
  const [first = 0, firstAttempt = 0] = place ?? []
  return ({ number, attempt }: AttemptName) =>
    wanted.has(number) &&
    (only === undefined || attempt === only) &&
    (number > first || (number === first && attempt >= firstAttempt))
}

/** The lines of a window with their numbers; those that a search finds also with the window around them. */
function* pickLines(
  { name, lines, from, before }: Window,
  search: LineQuery['search'],
): Generator<WrittenLine> {
  const { number, attempt } = name
  for (const [index, line] of lines.entries()) {
    const numbered = { ...line, number, attempt, line: from[1] + index + 1 }
    if (search === undefined) yield numbered
    else if (search.isHit(line)) {
      const begin = index < LINES_BEFORE ? before : from
      const around: Cursor = { read: { [formatName(name)]: begin }, in: [number, attempt] }
      yield { ...numbered, around: JSON.stringify(around) }
    }
  }
}
