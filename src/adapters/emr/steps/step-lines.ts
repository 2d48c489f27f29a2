import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { GetObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3'
import { z } from 'zod'
import { readErrorMessage } from '../../../core/errors.ts'
import { LineSplitter } from '../../../core/line-splitter.ts'
import { maskLogLine, type UncutLine } from '../../../core/mask.ts'
import { mustHave } from '../../../core/must-have.ts'
import type { LogLine } from '../../../core/ports/looking.ts'
import { parseS3Prefix } from '../../../core/s3-uri.ts'
import { readSparkLevel } from '../../../core/spark-line.ts'

/*
 * Lines of steps: EMR copies what a step prints to `FOLDER/CLUSTER/steps/STEP/` as `stdout.gz`, `stderr.gz` and `controller.gz`, about
 * every five minutes and whole each time. What is longer than an hour is split, and the older part has a time in its name. Whoever writes
 * there may write anything, so nothing is kept of an object but the lines of one page.
 */

/** Where the lines of a step are. */
export interface StepLog {
  /** The log folder of its cluster, `s3://bucket/prefix`. */
  folder: string
  /** Its cluster and itself. */
  handle: string
}

/** Which lines of a step are read. */
export interface StepLinesQuery {
  /** Only what has been copied since then. */
  from: number
  after?: string | undefined
}

/** A page of lines of a step. */
export interface StepLinesPage {
  lines: StepLine[]
  next?: string
  /** How many objects with lines were found, of any age. */
  found: number
}

/** A line of a step: nothing tells when it was written. */
export interface StepLine extends Omit<LogLine, 'at'> {
  /** Lines of standard output are first. */
  isError: boolean
  /** Its number in its stream, from 1. */
  line: number
}

/** Bounds of one page: an answer of a function has 6 MB. */
const PAGE = { lines: 10_000, bytes: 1024 * 1024 }
/** So much of one object is shown: compressed data cannot be read from its middle, so each page reads it from the beginning. */
const SHOWN_BYTES = 32 * 1024 * 1024
/** Objects of a step that are listed: more than a week of hourly parts. */
const LISTED = 1_000

const STREAMS = ['stdout', 'stderr', 'controller'] as const
const NAME = /^(stdout|stderr|controller)(?:[.-][\w.-]+)?\.gz$/

/** In which object a page ended, after how many of its lines, and how many lines of its stream are in those before it. */
const CURSOR = z.tuple([z.string(), z.int().min(0), z.int().min(0)])

/** Reads the lines of steps from the log folders of their clusters. */
export function makeStepLogReader(client: S3Client) {
  return async ({ folder, handle }: StepLog, { from, after }: StepLinesQuery): Promise<StepLinesPage> => {
    const { bucket, prefix } = parseS3Prefix(folder)
    const place: Place = { client, bucket, prefix: `${prefix}${handle.replace('/', '/steps/')}/` }
    const page = new Page()
    const listed = await listObjects(place).catch((error) => page.note(refuseObject(place, '', error)))
    if (listed === undefined) return { lines: page.lines, found: 1 }
    const objects = listed.filter(({ copiedAt }) => copiedAt >= from)
    const [name, toLine, base] = after === undefined ? ['', 0, 0] : CURSOR.parse(JSON.parse(after))
    const begin = objects.findIndex((object) => object.name === name)
    let [skip, before] = begin < 0 ? [0, 0] : [toLine, base]
    let stream: StepObject['stream'] | undefined
    for (const object of objects.slice(Math.max(0, begin))) {
      if (stream !== undefined && stream !== object.stream) before = 0
      const { isCut, to } = await page.read(place, object, { skip, before })
      if (isCut)
        return {
          lines: page.lines,
          next: JSON.stringify([object.name, to, before] satisfies z.input<typeof CURSOR>),
          found: listed.length,
        }
      stream = object.stream
      before += to
      skip = 0
    }
    return { lines: page.lines, found: listed.length }
  }
}

interface Place {
  client: S3Client
  bucket: string
  prefix: string
}

/** An object with lines of a step. */
interface StepObject {
  name: string
  stream: (typeof STREAMS)[number]
  copiedAt: number
}

/** In the order in which they are shown. What EMR itself says of a step is only shown if its program has printed nothing. */
async function listObjects({ client, bucket, prefix }: Place): Promise<StepObject[]> {
  const { Contents = [] } = await client.send(
    new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, MaxKeys: LISTED }),
  )
  const all = Contents.flatMap(({ Key = '', LastModified }): StepObject[] => {
    const name = Key.slice(prefix.length)
    const stream = STREAMS.find((each) => each === NAME.exec(name)?.[1])
    return stream === undefined ? [] : [{ name, stream, copiedAt: LastModified?.getTime() ?? 0 }]
  })
  const printed = all.filter(({ stream }) => stream !== 'controller')
  return (printed.length === 0 ? all : printed).sort(
    (a, b) => STREAMS.indexOf(a.stream) - STREAMS.indexOf(b.stream) || (a.name < b.name ? -1 : 1),
  )
}

/** The lines of one page while they are read. */
class Page {
  readonly lines: StepLine[] = []
  #bytes = 0

  /** A line of ours, instead of what cannot be shown. */
  note(text: string): undefined {
    this.lines.push({ level: 'warn', text, isError: true, line: 0 })
  }

  /** Reads an object from line `skip` on; `to`: how many of its lines are read now. */
  async read(
    place: Place,
    object: StepObject,
    { skip, before }: { skip: number; before: number },
  ): Promise<{ isCut: boolean; to: number }> {
    let to = 0
    try {
      for await (const lines of readObject(place, object.name))
        for (const uncut of lines) {
          if (to >= skip) {
            if (this.#isFull()) return { isCut: true, to }
            this.#add(uncut, object, before + to + 1)
          }
          to++
        }
    } catch (error) {
      this.note(refuseObject(place, object.name, error))
    }
    return { isCut: false, to }
  }

  #isFull(): boolean {
    return this.lines.length >= PAGE.lines || this.#bytes >= PAGE.bytes
  }

  #add(uncut: UncutLine, { stream }: StepObject, line: number): void {
    const { text } = maskLogLine({ at: 0, level: 'info', ...uncut }, (shown) => shown)
    // As it is sent: signs that JSON has to write out take more.
    this.#bytes += Buffer.byteLength(JSON.stringify(text))
    this.lines.push({ level: readSparkLevel(text), text, isError: stream !== 'stdout', line })
  }
}

/** The lines of an object, some at a time; of one that is too long the last one says so. */
async function* readObject({ client, bucket, prefix }: Place, name: string): AsyncGenerator<UncutLine[]> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: `${prefix}${name}` }))
  const text = createGunzip()
  // An error of either is thrown by the loop, and its end closes both.
  pipeline(mustHave(Body, 'content of an object') as Readable, text, () => {})
  const decoder = new TextDecoder()
  const lines = new LineSplitter()
  let bytes = 0
  for await (const chunk of text as AsyncIterable<Buffer>) {
    yield lines.push(decoder.decode(chunk, { stream: true }))
    bytes += chunk.length
    if (bytes < SHOWN_BYTES) continue
    const shown = `Only the first ${SHOWN_BYTES / 1024 / 1024} MB of s3://${bucket}/${prefix}${name} are shown.`
    return yield [{ text: shown }]
  }
  yield [...lines.push(decoder.decode()), ...lines.end()]
}

/** Why an object is not shown; throws what may pass. */
function refuseObject({ bucket, prefix }: Place, name: string, error: unknown): string {
  const { $metadata, code = '' } = error as { $metadata?: { httpStatusCode?: number }; code?: unknown }
  const status = $metadata?.httpStatusCode ?? 0
  if (!String(code).startsWith('Z_') && (status < 400 || status > 499)) throw error
  return `s3://${bucket}/${prefix}${name} cannot be read: ${readErrorMessage(error)}`
}
