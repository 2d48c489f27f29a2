import { Readable } from 'node:stream'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  NoSuchKey,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { readErrorName } from '../../core/errors.ts'
import { STAGED } from '../../core/names.ts'
import type { StagedOutput, Storage } from '../../core/ports/working.ts'
import { copyS3Object } from './copy.ts'
import { checkKeysExist, listAllKeys } from './listing.ts'

/** Where targets are: `prefix` is empty or ends with a slash. */
export interface S3Place {
  bucket: string
  prefix: string
}

/** Content up to this size is kept until it is published; more is uploaded in parts while it is written. */
const SMALL_BYTES = 8 * 1024 * 1024

let written = 0

/** Targets as objects under a prefix of a bucket. An object appears whole or not at all. */
export function makeS3Storage(client: S3Client, { bucket, prefix }: S3Place): Storage {
  const keyOf = (path: string) => `${prefix}${path}`
  const stagedKeys = (path: string) => keyOf(`${STAGED}${path}/`)

  async function stage(path: string, attempt: string, content: Content): Promise<StagedOutput> {
    const chunks = content instanceof Uint8Array ? [content] : content
    const { head, rest } = await readFirstBytes(chunks)
    if (rest === undefined) return small(keyOf(path), head)
    const beside = `${stagedKeys(path)}${attempt}-${++written}`
    const body = Readable.from(joinChunks(head, rest), { objectMode: false })
    await new Upload({ client, params: { Bucket: bucket, Key: beside, Body: body } }).done()
    return large(keyOf(path), beside)
  }

  const small = (Key: string, Body: Buffer): StagedOutput => ({
    read: () => Readable.from([Body], { objectMode: false }),
    async publish(mode) {
      const condition = mode === 'create' ? { IfNoneMatch: '*' } : {}
      await putIfAbsent(() => client.send(new PutObjectCommand({ Bucket: bucket, Key, Body, ...condition })))
    },
    async discard() {},
    withdraw: () => remove(Key),
  })

  const large = (Key: string, beside: string): StagedOutput => ({
    read: () => readObject(beside),
    async publish(mode) {
      const copy = { bucket, from: beside, to: Key, onlyFirst: mode === 'create' }
      await putIfAbsent(() => copyS3Object(client, copy))
      await remove(beside)
    },
    discard: () => remove(beside),
    withdraw: () => remove(Key),
  })

  async function remove(Key: string): Promise<void> {
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }))
  }

  function readObject(Key: string): Readable {
    async function* bytes() {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key })).catch((error) => {
        if (error instanceof NoSuchKey)
          throw new Error(`s3://${bucket}/${Key} is not there`, { cause: error })
        throw error
      })
      yield* Body as AsyncIterable<Uint8Array>
    }
    return Readable.from(bytes(), { objectMode: false })
  }

  return {
    uri: (path) => `s3://${bucket}/${keyOf(path)}`,
    existMany: (paths) => checkKeysExist(client, bucket, paths.map(keyOf)),
    async list(folder) {
      const keys = await listAllKeys(
        client,
        bucket,
        keyOf(folder === '' ? '' : `${folder.replace(/\/$/, '')}/`),
      )
      const paths = keys.map((key) => key.slice(prefix.length))
      return paths.filter((path) => !path.startsWith(STAGED)).sort()
    },
    read: (path) => readObject(keyOf(path)),
    stage,
    async removeStaged(path) {
      for (const key of await listAllKeys(client, bucket, stagedKeys(path))) await remove(key)
    },
  }
}

type Content = Parameters<Storage['stage']>[2]
type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/** What comes until there is too much to keep; `rest` is absent if that was all. */
async function readFirstBytes(chunks: Chunks): Promise<{ head: Buffer; rest?: AsyncIterator<Uint8Array> }> {
  const rest: AsyncIterator<Uint8Array> = Readable.from(chunks)[Symbol.asyncIterator]()
  const head: Uint8Array[] = []
  let bytes = 0
  for (let next = await rest.next(); !next.done; next = await rest.next()) {
    const chunk = Buffer.from(next.value)
    head.push(chunk)
    bytes += chunk.length
    if (bytes > SMALL_BYTES) return { head: Buffer.concat(head), rest }
  }
  return { head: Buffer.concat(head) }
}

async function* joinChunks(head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value
}

/** Another attempt was quicker (412), or is about to be (409): its object is whole as well. */
async function putIfAbsent(put: () => Promise<unknown>): Promise<void> {
  try {
    await put()
  } catch (error) {
    const name = readErrorName(error)
    if (name !== 'PreconditionFailed' && name !== 'ConditionalRequestConflict') throw error
  }
}
