import { createReadStream } from 'node:fs'
import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { type FolderTarget, readLines } from 'sluice'
import { nameInterval } from './interval.ts'
import { parseLogLine, type Request } from './log-line.ts'
import { listSourceFiles, readSourceLines } from './source.ts'

/** A line that does not parse. */
export interface Rejected {
  file: string
  line: number
  /** The quarter for which it counts; null if its file has no request at all. */
  quarter: string | null
  text: string
}

/** How many lines are kept in memory before they go to disk. */
const BUFFERED = 50_000

/** The file of a quarter's requests. */
export const formatQuarterFile = (quarter: string): string => `${quarter.replace(':', '-')}.jsonl.gz`
/** How many lines of each quarter do not parse. */
export const MALFORMED = 'malformed.json'
const REJECTED = 'rejected.jsonl.gz'

/** What is told while a source is read. */
export interface Listener {
  onLine(lines: number): void
  /** A file that has lines, but no request. */
  onForeign(file: string, first: Rejected): void
}

/**
 * Reads a source once and writes the requests of each quarter into a file of its own, in the order of the source.
 * Throws for a source that has lines, but no request: it holds no access log in this format.
 */
export async function splitByQuarter(
  source: string,
  output: FolderTarget,
  listener: Listener,
): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'sluice-split-'))
  try {
    const quarters = new Quarters(scratch)
    const rejected: Rejected[] = []
    let lines = 0
    for (const file of await listSourceFiles(source))
      for await (const each of readAssignedLines(file, listener.onForeign)) {
        if ('text' in each) rejected.push(each)
        else await quarters.add(each)
        if (++lines % 10_000 === 0) listener.onLine(lines)
      }
    requireRequests(source, lines, rejected)
    await quarters.flush()
    for (const quarter of quarters.names())
      await output.jsonLines<Request>(formatQuarterFile(quarter)).write(quarters.read(quarter))
    await output.json(MALFORMED).write(countByQuarter(rejected))
    await output.jsonLines<Rejected>(REJECTED).write(rejected)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

function requireRequests(source: string, lines: number, rejected: Rejected[]): void {
  const [first] = rejected
  if (first === undefined || rejected.length < lines) return
  const text = JSON.stringify(first.text.slice(0, 200))
  throw new Error(
    `none of the ${lines} lines of ${source} is a request in the combined format; ${first.file}, line ${first.line} is ${text}`,
  )
}

/** Requests and rejected lines of a file; a rejected line belongs to the request before it, else to the one after it. */
async function* readAssignedLines(
  file: string,
  onForeign: Listener['onForeign'],
): AsyncGenerator<Request | Rejected> {
  const waiting: Rejected[] = []
  let quarter: string | null = null
  let line = 0
  for await (const text of readSourceLines(file)) {
    line++
    const request = parseLogLine(text)
    if (request === undefined) {
      if (text.trim() === '') continue
      const rejected = { file: basename(file), line, quarter, text }
      if (quarter === null) waiting.push(rejected)
      else yield rejected
      continue
    }
    quarter = nameInterval(request.at, 'quarter')
    for (const each of waiting.splice(0)) yield { ...each, quarter }
    yield request
  }
  if (waiting[0] !== undefined) onForeign(file, waiting[0])
  yield* waiting
}

function countByQuarter(rejected: Rejected[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { quarter } of rejected) if (quarter !== null) counts[quarter] = (counts[quarter] ?? 0) + 1
  return counts
}

/** Requests by quarter, on disk when they are many. */
class Quarters {
  readonly #folder: string
  readonly #buffers = new Map<string, string[]>()
  #buffered = 0

  constructor(folder: string) {
    this.#folder = folder
  }

  async add(request: Request): Promise<void> {
    const quarter = nameInterval(request.at, 'quarter')
    const buffer = this.#buffers.get(quarter) ?? []
    buffer.push(JSON.stringify(request))
    this.#buffers.set(quarter, buffer)
    if (++this.#buffered >= BUFFERED) await this.flush()
  }

  async flush(): Promise<void> {
    for (const [quarter, lines] of this.#buffers)
      if (lines.length > 0) await appendFile(this.#path(quarter), `${lines.splice(0).join('\n')}\n`)
    this.#buffered = 0
  }

  names(): string[] {
    return [...this.#buffers.keys()].sort()
  }

  async *read(quarter: string): AsyncGenerator<Request> {
    for await (const line of readLines(createReadStream(this.#path(quarter)))) {
      const request: Request = JSON.parse(line)
      yield request
    }
  }

  #path(quarter: string): string {
    return join(this.#folder, quarter.replace(':', '-'))
  }
}
