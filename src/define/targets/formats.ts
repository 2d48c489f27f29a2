import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { buffer, text as readText } from 'node:stream/consumers'
import { messageOf, SluiceError } from '../../core/errors.ts'
import { StorageTarget } from './storage-target.ts'

type Many<T> = Iterable<T> | AsyncIterable<T>

/** Bytes of any kind. */
export class FileTarget extends StorageTarget {
  /** The whole content. */
  async read(): Promise<Uint8Array> {
    return buffer(this.openRead())
  }

  /** The content as a stream, for what does not fit into memory. */
  stream(): Readable {
    return this.openRead()
  }

  /** Writes text, bytes, or a stream of either; a second call replaces the first. */
  async write(content: string | Uint8Array | Many<string | Uint8Array>): Promise<void> {
    const isWhole = typeof content === 'string' || content instanceof Uint8Array
    await this.writeBytes(isWhole ? content : each(content))
  }
}

/** Text in UTF-8. */
export class TextTarget extends StorageTarget {
  async read(): Promise<string> {
    return readText(this.openRead())
  }

  async write(content: string): Promise<void> {
    await this.writeBytes(content)
  }
}

/** One JSON value of type `T`. */
export class JsonTarget<T> extends StorageTarget {
  async read(): Promise<T> {
    return parse(await readText(this.openRead()), this.path) as T
  }

  async write(value: T): Promise<void> {
    await this.writeBytes(`${JSON.stringify(value, null, 2)}\n`)
  }
}

/** JSON Lines: one value of type `T` a line. */
export class JsonLinesTarget<T> extends StorageTarget {
  /** The values one after the other; never the whole file in memory. */
  async *readLines(): AsyncGenerator<T> {
    let number = 0
    const stream = this.openRead()
    const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })
    // readline swallows errors of its input.
    const failed = new Promise<never>((_, reject) => stream.on('error', reject))
    failed.catch(() => {})
    const iterator = lines[Symbol.asyncIterator]()
    for (;;) {
      const next = await Promise.race([iterator.next(), failed])
      if (next.done) return
      number++
      if (next.value !== '') yield parse(next.value, `${this.path}, line ${number}`) as T
    }
  }

  /** All values at once. */
  async read(): Promise<T[]> {
    return Array.fromAsync(this.readLines())
  }

  async write(values: Many<T>): Promise<void> {
    await this.writeBytes(toLines(values))
  }
}

const CHUNK_CHARACTERS = 64 * 1024

async function* toLines<T>(values: Many<T>): AsyncIterable<string> {
  let chunk = ''
  for await (const value of values) {
    chunk += `${JSON.stringify(value)}\n`
    if (chunk.length < CHUNK_CHARACTERS) continue
    yield chunk
    chunk = ''
  }
  yield chunk
}

async function* each<T>(values: Many<T>): AsyncIterable<T> {
  yield* values
}

function parse(content: string, where: string): unknown {
  try {
    return JSON.parse(content)
  } catch (error) {
    throw new SluiceError('invalid_usage', `${where} is not JSON: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/** A target of bytes at a path relative to the environment's storage; gzipped where the name ends in `.gz`. */
export const file = (path: string): FileTarget => new FileTarget(path)
/** A target of text; path and gzip as in {@link file}. */
export const text = (path: string): TextTarget => new TextTarget(path)
/** A target of one JSON value; path and gzip as in {@link file}. */
export const json = <T>(path: string): JsonTarget<T> => new JsonTarget<T>(path)
/** A target of one JSON value a line; path and gzip as in {@link file}. */
export const jsonLines = <T>(path: string): JsonLinesTarget<T> => new JsonLinesTarget<T>(path)
