import { HeadObjectCommand, ListObjectsV2Command, NotFound, type S3Client } from '@aws-sdk/client-s3'

/** Keys of one listing (ListObjectsV2). */
const PAGE = 1_000
/** A listing costs about as much as 12 look-ups (us-east-1: $5 and $0.4 a million); below that, keys are asked for singly. */
const WORTH_LISTING = 12
const PARALLEL = 32

/**
 * Whether each key exists. Wanted keys are walked in order: a listing from the next one on answers for all up to its
 * last key, and never more often than there are keys. If few lie within a page, the next ones are looked up.
 */
export async function checkKeysExist(client: S3Client, Bucket: string, keys: string[]): Promise<boolean[]> {
  const wanted = [...new Set(keys)].sort(compareByBytes)
  const there = new Set<string>()
  for (let next = 0; next < wanted.length; ) {
    const left = wanted.slice(next, next + PAGE)
    const listed = left.length < WORTH_LISTING ? 0 : await listFrom(client, Bucket, left, there)
    next += listed
    if (listed >= WORTH_LISTING || next >= wanted.length) continue
    const single = wanted.slice(next, next + PARALLEL)
    await Promise.all(single.map((key) => checkSingleKey(client, Bucket, key, there)))
    next += single.length
  }
  return keys.map((key) => there.has(key))
}

/** S3 lists in the order of UTF-8 bytes. */
const compareByBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** Lists one page from the first wanted key on; returns for how many of the wanted keys that is the answer. */
async function listFrom(
  client: S3Client,
  Bucket: string,
  wanted: string[],
  there: Set<string>,
): Promise<number> {
  const [first = '', last = ''] = [wanted[0], wanted.at(-1)]
  const page = await client.send(
    new ListObjectsV2Command({
      Bucket,
      Prefix: findCommonStart(first, last),
      StartAfter: findKeyBefore(first),
    }),
  )
  const found = new Set((page.Contents ?? []).map(({ Key = '' }) => Key))
  const end = page.IsTruncated ? page.Contents?.at(-1)?.Key : undefined
  const answered = end === undefined ? wanted : wanted.filter((key) => compareByBytes(key, end) <= 0)
  for (const key of answered) if (found.has(key)) there.add(key)
  return answered.length
}

const HIGHEST = '\u{10ffff}'

/** Something that sorts just before this key (or a little earlier): `StartAfter` leaves out what it names. */
function findKeyBefore(key: string): string {
  const code = key.charCodeAt(key.length - 1)
  const start = key.slice(0, -1)
  const isPlain = code > 0x20 && code < 0x7f
  return isPlain ? `${start}${String.fromCharCode(code - 1)}${HIGHEST}` : start
}

function findCommonStart(a: string, b: string): string {
  let length = 0
  while (length < a.length && a[length] === b[length]) length++
  return a.slice(0, length)
}

async function checkSingleKey(
  client: S3Client,
  Bucket: string,
  Key: string,
  there: Set<string>,
): Promise<void> {
  try {
    await client.send(new HeadObjectCommand({ Bucket, Key }))
    there.add(Key)
  } catch (error) {
    if (!(error instanceof NotFound)) throw error
  }
}

/** Every key that begins so, in order. */
export async function listAllKeys(client: S3Client, Bucket: string, Prefix: string): Promise<string[]> {
  const keys: string[] = []
  let after: string | undefined
  do {
    const page = await client.send(
      new ListObjectsV2Command({
        Bucket,
        Prefix,
        ...(after === undefined ? {} : { ContinuationToken: after }),
      }),
    )
    keys.push(...(page.Contents ?? []).map(({ Key = '' }) => Key))
    after = page.IsTruncated ? page.NextContinuationToken : undefined
  } while (after !== undefined)
  return keys
}
