type Decoder = InstanceType<typeof TextDecoder>

/** An XML declaration is at the head, and short. */
const HEAD_BYTES = 1024

/**
 * The text of an XML document that arrives in pieces, decoded as it is declared: by its byte order mark, by `charset` of
 * the content type, or by its XML declaration, in this order (RFC 7303, 3.2); UTF-8 without any. Throws if bytes are
 * not of that encoding, or it is unknown: they would be published as other characters.
 */
export async function* decodeXml(
  chunks: AsyncIterable<Uint8Array>,
  contentType: string | undefined,
): AsyncGenerator<string> {
  let head: Buffer | undefined = Buffer.alloc(0)
  let decoder: Decoder | undefined
  for await (const chunk of chunks) {
    if (head !== undefined) head = Buffer.concat([head, chunk])
    if (head !== undefined && head.length < HEAD_BYTES) continue
    decoder ??= makeDecoder(detectXmlEncoding(head as Buffer, contentType))
    yield decode(decoder, head ?? chunk)
    head = undefined
  }
  decoder ??= makeDecoder(detectXmlEncoding(head as Buffer, contentType))
  if (head !== undefined) yield decode(decoder, head)
  yield decode(decoder)
}

function detectXmlEncoding(head: Buffer, contentType = ''): string {
  const [a, b] = head
  if (a === 0xff && b === 0xfe) return 'utf-16le'
  if (a === 0xfe && b === 0xff) return 'utf-16be'
  if (head.toString('hex', 0, 3) === 'efbbbf') return 'utf-8'
  const [, charset] = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType) ?? []
  if (charset !== undefined) return charset
  // Without a mark, its first character tells UTF-16.
  if (a === 0x3c && b === 0) return 'utf-16le'
  if (a === 0 && b === 0x3c) return 'utf-16be'
  return /^\s*<\?xml[^>]*\sencoding\s*=\s*["']([^"']+)["']/.exec(head.toString('latin1'))?.[1] ?? 'utf-8'
}

function makeDecoder(encoding: string): Decoder {
  try {
    return new TextDecoder(encoding, { fatal: true })
  } catch {
    throw new Error(`its encoding ${JSON.stringify(encoding)} is not known`)
  }
}

function decode(decoder: Decoder, bytes?: Uint8Array): string {
  try {
    return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true })
  } catch {
    throw new Error(
      `it has bytes that are not ${decoder.encoding}, which is its declared encoding or the default`,
    )
  }
}
