import { PassThrough, pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'

/** What packs a file or says what its text is, by its first bytes. */
const PACKED: [name: string, magic: string][] = [
  ['bzip2', '425a68'],
  ['xz', 'fd377a585a00'],
  ['Zstandard', '28b52ffd'],
  ['lz4', '04224d18'],
  ['zip', '504b0304'],
  ['7z', '377abcaf271c'],
  ['compress', '1f9d'],
]
const GZIP = Buffer.from([0x1f, 0x8b])
const HEAD_BYTES = 4096

/** Text as a stream of bytes, and how it is encoded. */
export interface UnpackedSource {
  stream: Readable
  encoding: 'utf-8' | 'utf-16le' | 'utf-16be'
}

/** Unpacks gzip, whatever a file is called, and finds the encoding of its text; refuses what cannot be read. */
export async function unpackSource(raw: Readable, file: string): Promise<UnpackedSource> {
  const packed = await withHead(raw)
  const isZipped = packed.head.subarray(0, 2).equals(GZIP)
  const { head, stream } = isZipped ? await withHead(pipeWithErrors(packed.stream, createGunzip())) : packed
  return { stream, encoding: detectTextEncoding(head, file) }
}

function detectTextEncoding(head: Buffer, file: string): UnpackedSource['encoding'] {
  const packer = PACKED.find(([, magic]) => head.toString('hex', 0, magic.length / 2) === magic)
  if (packer !== undefined)
    throw new Error(
      `${file} is packed with ${packer[0]}, which is not read here; unpack it, or pack it with gzip`,
    )
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le'
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be'
  if (head.includes(0))
    throw new Error(
      `${file} is no text in UTF-8: it holds NUL bytes; it may be UTF-16 without a byte order mark`,
    )
  return 'utf-8'
}

/** The first bytes of a stream, and a stream of all of it. */
async function withHead(source: Readable): Promise<{ head: Buffer; stream: Readable }> {
  const chunks: Buffer[] = []
  let size = 0
  const iterator = source[Symbol.asyncIterator]()
  while (size < HEAD_BYTES) {
    const next = await iterator.next()
    if (next.done) break
    chunks.push(next.value)
    size += next.value.length
  }
  const head = Buffer.concat(chunks)
  const stream = new PassThrough()
  async function* all() {
    yield head
    yield* { [Symbol.asyncIterator]: () => iterator }
  }
  pipeline(all, stream, () => {})
  return { head: head.subarray(0, HEAD_BYTES), stream }
}

/** What one stream gives to another, errors included. */
function pipeWithErrors(from: Readable, to: ReturnType<typeof createGunzip>): Readable {
  pipeline(from, to, () => {})
  return to
}
