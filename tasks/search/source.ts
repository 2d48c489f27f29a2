import { createHash } from 'node:crypto'
import { createReadStream, readdirSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { GetObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3'

/** Whether a source is an object, or everything below a prefix, of a bucket: `s3://bucket/prefix`. */
export const isInS3 = (source: string): boolean => source.startsWith('s3://')

/** The files of a source in name order: the file itself, or all of a folder; of a bucket, all that begin so. */
export async function filesOf(source: string): Promise<string[]> {
  return isInS3(source) ? objectsOf(source) : localFilesOf(source)
}

async function objectsOf(source: string): Promise<string[]> {
  const { Bucket, Key: Prefix } = placeOf(source)
  const keys: string[] = []
  for await (const page of paginateListObjectsV2({ client: new S3Client({}) }, { Bucket, Prefix }))
    keys.push(...(page.Contents ?? []).map(({ Key = '' }) => Key))
  if (keys.length === 0) throw new Error(`nothing begins with ${source}; it names access logs in a bucket`)
  return keys
    .filter((key) => !key.endsWith('/'))
    .sort()
    .map((key) => `s3://${Bucket}/${key}`)
}

function placeOf(uri: string): { Bucket: string; Key: string } {
  const [, Bucket = '', Key = ''] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(uri) ?? []
  return { Bucket, Key }
}

function localFilesOf(source: string): string[] {
  const path = resolve(source)
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined)
    throw new Error(`the source ${path} does not exist; it is a file or a folder of access logs`)
  if (!found.isDirectory()) return [path]
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(path, entry.name))
    .sort()
}

/** For so long a stamp is kept, so that all intervals of one plan want the same of a source that is being written. */
const KEPT_MS = 2_000
const kept = new Map<string, { stamp: string; until: number }>()

/** Changes when a file of the source comes, goes, or changes its size or time. */
export function stampOf(source: string): string {
  const known = kept.get(source)
  if (known !== undefined && known.until > Date.now()) return known.stamp
  const stamp = lookAt(source)
  kept.set(source, { stamp, until: Date.now() + KEPT_MS })
  return stamp
}

function lookAt(source: string): string {
  const hash = createHash('sha256')
  for (const file of localFilesOf(source)) {
    const { size, mtimeMs } = statSync(file)
    hash.update(`${basename(file)}\n${size}\n${mtimeMs}\n`)
  }
  return hash.digest('hex').slice(0, 16)
}

/** The lines of a file, unpacked where its name ends in `.gz`. */
export async function* linesOf(file: string): AsyncGenerator<string> {
  const raw = isInS3(file) ? await objectStream(file) : createReadStream(file)
  const input = file.endsWith('.gz') ? raw.pipe(createGunzip()) : raw
  const failed = new Promise<never>((_, reject) => {
    for (const stream of [raw, input]) stream.on('error', reject)
  })
  failed.catch(() => {})
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]()
  for (;;) {
    const next = await Promise.race([lines.next(), failed])
    if (next.done) return
    yield next.value
  }
}

async function objectStream(uri: string): Promise<Readable> {
  const { Body } = await new S3Client({}).send(new GetObjectCommand(placeOf(uri)))
  // In Node a body is a stream of Node.
  return Body as Readable
}
