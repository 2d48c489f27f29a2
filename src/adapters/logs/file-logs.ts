import { appendFileSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { open, readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { AttemptLog, AttemptName, LogLine, Logs } from '../../core/ports/looking.ts'

const TAIL_BYTES = 4096
const READ_BYTES = 1024 * 1024
const MB = 1024 * 1024

/** Options of the logs of one machine. */
export interface FileLogsOptions {
  /** Most bytes that one attempt's log takes, about; read at the first line of each. @default no bound */
  maxBytes?: () => number
}

/**
 * Logs as JSON Lines, one file an attempt: `<folder>/<run>/<number>.<attempt>.jsonl`.
 *
 * A log that reaches half of its bound goes on in parts beside its file: `<number>.<attempt>.more/<offset>.jsonl`, where
 * `offset` counts the bytes of the log before the part. A part holds a quarter of the bound, and the two newest parts are
 * kept. So the head and the tail of a log stay, and the reader knows from the offsets how much between them is gone.
 */
export function makeFileLogs(
  folder: string,
  { maxBytes = () => Number.POSITIVE_INFINITY }: FileLogsOptions = {},
): Logs {
  const pathOf = ({ run, number, attempt }: AttemptName) => join(folder, run, `${number}.${attempt}.jsonl`)
  return {
    open: (attempt) => openLog(() => pathOf(attempt), maxBytes),
    list: (run) => listAttempts(folder, run),
    read: (attempt, from) => readAttemptLines(pathOf(attempt), from),
    remove: (run) => rm(join(folder, run), { recursive: true, force: true }),
  }
}

const formatPartsFolder = (path: string) => path.replace(/\.jsonl$/, '.more')
const formatPartPath = (path: string, offset: number) => join(formatPartsFolder(path), `${offset}.jsonl`)

/** Most attempts write no line, so the path is made for the first one. */
function openLog(pathOf: () => string, maxBytes: () => number): AttemptLog {
  let tail = ''
  let append: ((text: string) => void) | undefined
  return {
    write(lines) {
      if (lines.length === 0) return
      if (append === undefined) {
        const path = pathOf()
        mkdirSync(dirname(path), { recursive: true })
        append = makeBoundedAppend(path, maxBytes())
      }
      append(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
      const texts = lines.map((line) => line.text).join('\n')
      tail = Buffer.from(`${tail}${tail && '\n'}${texts}`)
        .subarray(-TAIL_BYTES)
        .toString()
    },
    tail: () => tail,
  }
}

/** Appends whole lines to the file, then to parts, of which the two newest stay. */
function makeBoundedAppend(path: string, maxBytes: number): (text: string) => void {
  let current = path
  let size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  let offset = size
  const parts: number[] = []

  function nextPart(): void {
    if (parts.length === 0) {
      appendFileSync(path, `${JSON.stringify(makeLongLine(maxBytes))}\n`)
      offset = statSync(path).size
    }
    mkdirSync(formatPartsFolder(path), { recursive: true })
    parts.push(offset)
    current = formatPartPath(path, offset)
    size = 0
    const oldest = parts.length > 2 ? parts.shift() : undefined
    if (oldest !== undefined) rmSync(formatPartPath(path, oldest), { force: true })
  }

  return (text) => {
    const bytes = Buffer.byteLength(text)
    const most = parts.length === 0 ? maxBytes / 2 : maxBytes / 4
    if (size > 0 && size + bytes > most) nextPart()
    appendFileSync(current, text)
    size += bytes
    offset += bytes
  }
}

/** The last line of the head, for a reader of the file itself. */
const makeLongLine = (maxBytes: number): LogLine => ({
  at: Date.now(),
  level: 'warn',
  text: `This log is longer than ${formatSize(maxBytes / 2)}. Of what follows, only the newest ${formatSize(maxBytes / 4)} to ${formatSize(maxBytes / 2)} are kept (logs.maxMb).`,
})

const makeGapLine = (at: number, bytes: number): LogLine => ({
  at,
  level: 'warn',
  text: `… ${formatSize(bytes)} of this log are left out here …`,
})

const formatSize = (bytes: number) =>
  bytes < MB
    ? `${Math.round(bytes)} bytes`
    : `${(bytes / MB).toLocaleString('en', { maximumFractionDigits: 1 })} MB`

async function listAttempts(folder: string, run: string): Promise<AttemptName[]> {
  const names = await readdir(join(folder, run)).catch((): string[] => [])
  return names
    .flatMap((name) => {
      const match = /^(\d+)\.(\d+)\.jsonl$/.exec(name)
      return match ? [{ run, number: Number(match[1]), attempt: Number(match[2]) }] : []
    })
    .sort((a, b) => a.number - b.number || a.attempt - b.attempt)
}

interface ReadLines {
  lines: LogLine[]
  next: number
}

/** Offsets count the whole log, the parts that are gone too. */
async function readAttemptLines(path: string, from: number): Promise<ReadLines> {
  const found = await readFile(path, from, 0)
  if (found === undefined || found.lines.length > 0) return found ?? { lines: [], next: from }
  return readParts(path, from)
}

async function readParts(path: string, from: number): Promise<ReadLines> {
  const names = await readdir(formatPartsFolder(path)).catch((): string[] => [])
  const offsets = names.map((name) => Number.parseInt(name, 10)).sort((a, b) => a - b)
  for (const offset of offsets) {
    const begin = Math.max(from, offset)
    const found = await readFile(formatPartPath(path, offset), begin, offset)
    // The part was removed meanwhile, so there are newer ones.
    if (found === undefined) return readParts(path, from)
    const [first] = found.lines
    if (first === undefined) continue
    return from < offset ? { ...found, lines: [makeGapLine(first.at, offset - from), ...found.lines] } : found
  }
  return { lines: [], next: from }
}

/** Reads whole lines only, so that a line in the making is left for the next call; undefined if there is no file. */
async function readFile(path: string, from: number, offset: number): Promise<ReadLines | undefined> {
  const file = await open(path).catch(() => undefined)
  if (file === undefined) return undefined
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, from - offset)
    const whole = buffer.subarray(0, bytesRead).lastIndexOf(10) + 1
    const texts = buffer.subarray(0, whole).toString().split('\n').filter(Boolean)
    return { lines: texts.map((each): LogLine => JSON.parse(each)), next: from + whole }
  } finally {
    await file.close()
  }
}
