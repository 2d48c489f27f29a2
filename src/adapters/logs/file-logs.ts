import { appendFileSync, mkdirSync } from 'node:fs'
import { open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { AttemptLog, AttemptName, LogLine, Logs } from '../../core/ports.ts'

const TAIL_BYTES = 4096
const READ_BYTES = 1024 * 1024

/** Logs as JSON Lines, one file an attempt: `<folder>/<run>/<number>.<attempt>.jsonl`. */
export function fileLogs(folder: string): Logs {
  const pathOf = ({ run, number, attempt }: AttemptName) => join(folder, run, `${number}.${attempt}.jsonl`)
  return {
    open: (attempt) => openLog(join(folder, attempt.run), pathOf(attempt)),
    list: (run) => list(folder, run),
    read: (attempt, from) => read(pathOf(attempt), from),
    remove: (run) => rm(join(folder, run), { recursive: true, force: true }),
  }
}

function openLog(folder: string, path: string): AttemptLog {
  let tail = ''
  let isMade = false
  return {
    write(lines) {
      if (lines.length === 0) return
      if (!isMade) mkdirSync(folder, { recursive: true })
      isMade = true
      appendFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
      const texts = lines.map((line) => line.text).join('\n')
      tail = Buffer.from(`${tail}${tail && '\n'}${texts}`)
        .subarray(-TAIL_BYTES)
        .toString()
    },
    tail: () => tail,
  }
}

async function list(folder: string, run: string): Promise<AttemptName[]> {
  const names = await readdir(join(folder, run)).catch(() => [] as string[])
  return names
    .flatMap((name) => {
      const match = /^(\d+)\.(\d+)\.jsonl$/.exec(name)
      return match ? [{ run, number: Number(match[1]), attempt: Number(match[2]) }] : []
    })
    .sort((a, b) => a.number - b.number || a.attempt - b.attempt)
}

/** Reads whole lines only, so that a line in the making is left for the next call. */
async function read(path: string, from: number): Promise<{ lines: LogLine[]; next: number }> {
  const file = await open(path).catch(() => undefined)
  if (file === undefined) return { lines: [], next: from }
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, from)
    const whole = buffer.subarray(0, bytesRead).lastIndexOf(10) + 1
    const texts = buffer.subarray(0, whole).toString().split('\n').filter(Boolean)
    return { lines: texts.map((each) => JSON.parse(each) as LogLine), next: from + whole }
  } finally {
    await file.close()
  }
}
