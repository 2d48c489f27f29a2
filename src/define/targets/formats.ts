import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { readErrorCode, readErrorMessage, SluiceError } from '../../core/errors.ts'
import { convertToJson } from '../../core/json.ts'
import { readLines } from '../../core/lines.ts'
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

/** Text in UTF-8; other bytes are refused. */
export class TextTarget extends StorageTarget {
  async read(): Promise<string> {
    return readText(this.openRead(), this.path)
  }

  async write(content: string): Promise<void> {
    await this.writeBytes(content)
  }
}

/** One JSON value of type `T`. */
export class JsonTarget<T> extends StorageTarget {
  async read(): Promise<T> {
    return parse(await readText(this.openRead(), this.path), this.path) as T
  }

  /** Throws if JSON has no such value: undefined, a function, NaN, a promise that was not awaited. */
  async write(value: T): Promise<void> {
    await this.writeBytes(`${written(value, this.path, 2)}\n`)
  }
}

/** JSON Lines: one value of type `T` a line. */
export class JsonLinesTarget<T> extends StorageTarget {
  /** The values one after the other; never the whole file in memory. */
  async *readLines(): AsyncGenerator<T> {
    let number = 0
    for await (const line of linesIn(this.openRead(), this.path)) {
      number++
      if (line !== '') yield parse(line, `${this.path}, line ${number}`) as T
    }
  }

  /** All values at once. */
  async read(): Promise<T[]> {
    return Array.fromAsync(this.readLines())
  }

  /** Throws if JSON has no such value; then nothing is published. */
  async write(values: Many<T>): Promise<void> {
    await this.writeBytes(toLines(values, this.path))
  }
}

const CHUNK_CHARACTERS = 64 * 1024

async function* toLines<T>(values: Many<T>, path: string): AsyncIterable<string> {
  let chunk = ''
  let number = 0
  for await (const value of values) {
    number++
    chunk += `${written(value, path, undefined, number)}\n`
    if (chunk.length < CHUNK_CHARACTERS) continue
    yield chunk
    chunk = ''
  }
  yield chunk
}

async function* each<T>(values: Many<T>): AsyncIterable<T> {
  yield* values
}

function written(value: unknown, path: string, indent?: number, line?: number): string {
  try {
    return convertToJson(value, indent)
  } catch (error) {
    const where = line === undefined ? path : `${path}, line ${line}`
    throw new SluiceError('invalid_usage', `${where} cannot be written as JSON: ${readErrorMessage(error)}`, {
      cause: error,
    })
  }
}

async function readText(stream: Readable, path: string): Promise<string> {
  const bytes = await buffer(stream)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw undecodable(error, path)
  }
}

async function* linesIn(stream: Readable, path: string): AsyncGenerator<string> {
  try {
    yield* readLines(stream)
  } catch (error) {
    throw undecodable(error, path)
  }
}

/** Bytes that are no UTF-8 would be read as U+FFFD, and published again as such. */
function undecodable(error: unknown, path: string): unknown {
  if (readErrorCode(error) !== 'ERR_ENCODING_INVALID_ENCODED_DATA') return error
  return new SluiceError('invalid_usage', `${path} is not UTF-8.`, {
    cause: error,
    hint: 'Read it with file(path), whose bytes new TextDecoder(encoding) decodes.',
  })
}

function parse(content: string, where: string): unknown {
  try {
    return JSON.parse(content)
  } catch (error) {
    throw new SluiceError('invalid_usage', `${where} is not JSON: ${readErrorMessage(error)}`, {
      cause: error,
    })
  }
}

/** A target of bytes at a path relative to the environment's storage; gzipped if the name ends in `.gz`. */
export const file = (path: string): FileTarget => new FileTarget(path)
/** A target of text; path and gzip as in {@link file}. */
export const text = (path: string): TextTarget => new TextTarget(path)
/** A target of one JSON value; path and gzip as in {@link file}. */
export const json = <T>(path: string): JsonTarget<T> => new JsonTarget<T>(path)
/** A target of one JSON value a line; path and gzip as in {@link file}. */
export const jsonLines = <T>(path: string): JsonLinesTarget<T> => new JsonLinesTarget<T>(path)
