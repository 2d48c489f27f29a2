import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  type S3Client,
  UploadPartCopyCommand,
  type UploadPartCopyCommandInput,
} from '@aws-sdk/client-s3'
import { splitIntoChunks } from '../../core/chunks.ts'

/** What is copied within a bucket. */
export interface Copy {
  bucket: string
  from: string
  to: string
  /** Only if nothing is there yet. */
  onlyFirst: boolean
}

/** Limits of S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
export interface CopyLimits {
  /** The largest object of one CopyObject. */
  wholeBytes: number
  /** Bytes of a part; an object has 10,000 of them at most. */
  partBytes: number
}

const GIB = 1024 ** 3
const S3_LIMITS: CopyLimits = { wholeBytes: 5 * GIB, partBytes: GIB }
const PARALLEL = 8

/** Copies an object; one that is too large for one request goes in parts, and appears whole or not at all as well. */
export async function copyS3Object(
  client: S3Client,
  copy: Copy,
  limits: CopyLimits = S3_LIMITS,
): Promise<void> {
  const { bucket: Bucket, from, to: Key, onlyFirst } = copy
  const CopySource = `${Bucket}/${from.split('/').map(encodeURIComponent).join('/')}`
  const condition = onlyFirst ? { IfNoneMatch: '*' } : {}
  const { ContentLength = 0 } = await client.send(new HeadObjectCommand({ Bucket, Key: from }))
  if (ContentLength <= limits.wholeBytes) {
    await client.send(new CopyObjectCommand({ Bucket, Key, CopySource, ...condition }))
    return
  }
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))
  try {
    const Parts = await copyParts(
      client,
      { Bucket, Key, UploadId, CopySource },
      listByteRanges(ContentLength, limits.partBytes),
    )
    const whole = { Bucket, Key, UploadId, MultipartUpload: { Parts } }
    await client.send(new CompleteMultipartUploadCommand({ ...whole, ...condition }))
  } catch (error) {
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId })).catch(() => {})
    throw error
  }
}

type Upload = Pick<UploadPartCopyCommandInput, 'Bucket' | 'Key' | 'UploadId' | 'CopySource'>

/** Copies the ranges, a few at a time. All of these have ended before it throws: a part that comes after the abort would stay. */
async function copyParts(client: S3Client, upload: Upload, ranges: string[]): Promise<CompletedPart[]> {
  const parts: CompletedPart[] = []
  for (const some of splitIntoChunks([...ranges.entries()], PARALLEL)) {
    const copying = some.map(async ([index, CopySourceRange]) => {
      const PartNumber = index + 1
      const part = new UploadPartCopyCommand({ ...upload, CopySourceRange, PartNumber })
      return { PartNumber, ETag: (await client.send(part)).CopyPartResult?.ETag }
    })
    for (const ended of await Promise.allSettled(copying)) {
      if (ended.status === 'rejected') throw ended.reason
      parts.push(ended.value)
    }
  }
  return parts
}

function listByteRanges(size: number, partBytes: number): string[] {
  const ranges: string[] = []
  for (let start = 0; start < size; start += partBytes)
    ranges.push(`bytes=${start}-${Math.min(start + partBytes, size) - 1}`)
  return ranges
}
