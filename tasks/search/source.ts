import { createHash } from 'node:crypto'
import { createReadStream, readdirSync, realpathSync, type Stats, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { GetObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3'
import { readLines } from 'sluice'
import { unpackSource } from './unpack.ts'

/** Whether a source is an object, or everything below a prefix, of a bucket: `s3://bucket/prefix`. */
export const isS3Source = (source: string): boolean => source.startsWith('s3://')

/**
 * The files of a source in name order: the file itself, or all below a folder, links followed and each file once,
 * whatever leads to it; of a bucket, all that begin so. Throws if there is none, or if something cannot be read.
 */
export async function listSourceFiles(source: string): Promise<string[]> {
  return isS3Source(source) ? listObjects(source) : listLocalFiles(source)
}

async function listObjects(source: string): Promise<string[]> {
  const { Bucket, Key: Prefix } = parseObjectUri(source)
  const keys: string[] = []
  for await (const page of paginateListObjectsV2({ client: new S3Client({}) }, { Bucket, Prefix }))
    for (const { Key = '' } of page.Contents ?? []) if (!Key.endsWith('/')) keys.push(Key)
  if (keys.length === 0) throw new Error(`nothing begins with ${source}; it names access logs in a bucket`)
  return keys.sort().map((key) => `s3://${Bucket}/${key}`)
}

function parseObjectUri(uri: string): { Bucket: string; Key: string } {
  const [, Bucket = '', Key = ''] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(uri) ?? []
  return { Bucket, Key }
}

function listLocalFiles(source: string): string[] {
  const path = resolve(source)
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined)
    throw new Error(`the source ${path} does not exist; it is a file or a folder of access logs`)
  const files = new Map<string, string>()
  collect(path, found, files, new Set())
  if (files.size === 0)
    throw new Error(`the source ${path} has no file; it is a file or a folder of access logs`)
  return [...files.values()].sort()
}

/** Adds the files at a path by their real paths, so that a file with a link to it is not counted twice. */
function collect(path: string, found: Stats, files: Map<string, string>, folders: Set<string>): void {
  const real = realpathSync(path)
  if (found.isFile()) {
    if (!files.has(real)) files.set(real, path)
    return
  }
  if (!found.isDirectory())
    throw new Error(`${path} is neither a file nor a folder; move it out of the source`)
  if (folders.has(real)) return
  folders.add(real)
  for (const name of readdirSync(path).sort()) {
    if (name.startsWith('.')) continue
    const inside = join(path, name)
    const there = statSync(inside, { throwIfNoEntry: false })
    if (there === undefined)
      throw new Error(`${inside} is a link that leads nowhere; remove it from the source`)
    collect(inside, there, files, folders)
  }
}

/** For so long a stamp is kept, so that all intervals of one plan want the same of a source that is being written. */
const KEPT_MS = 2_000
const kept = new Map<string, { stamp: string; until: number }>()

/** Changes when a file of the source comes, goes, or changes its size or time. */
export function makeSourceStamp(source: string): string {
  const known = kept.get(source)
  if (known !== undefined && known.until > Date.now()) return known.stamp
  const stamp = readSourceState(source)
  kept.set(source, { stamp, until: Date.now() + KEPT_MS })
  return stamp
}

function readSourceState(source: string): string {
  const hash = createHash('sha256')
  for (const file of listLocalFiles(source)) {
    const { size, mtimeMs } = statSync(file)
    hash.update(`${relative(resolve(source), file)}\n${size}\n${mtimeMs}\n`)
  }
  return hash.digest('hex').slice(0, 16)
}

/** The lines of a file, unpacked and decoded by its first bytes; throws if it holds no text that can be read. */
export async function* readSourceLines(file: string): AsyncGenerator<string> {
  const raw = isS3Source(file) ? await objectStream(file) : createReadStream(file)
  const { stream, encoding } = await unpackSource(raw, file)
  // Requests may hold bytes of any encoding; one such byte does not spoil the line.
  yield* readLines(stream, new TextDecoder(encoding))
}

async function objectStream(uri: string): Promise<Readable> {
  const { Body } = await new S3Client({}).send(new GetObjectCommand(parseObjectUri(uri)))
  // In Node a body is a stream of Node.
  return Body as Readable
}
