/**
 * The lines of bytes that arrive in pieces, without their ends. Only LF and CRLF end a line: `node:readline` also ends
 * one at U+2028, U+2029 and a lone CR, which JSON and log lines may contain. A byte order mark at the head is left out.
 * Throws what the decoder throws: by default bytes that are not UTF-8 are refused.
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  decoder = new TextDecoder('utf-8', { fatal: true }),
): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of chunks) {
    const parts = decoder.decode(chunk, { stream: true }).split('\n')
    // Only what is new is looked through: a long line would be searched again with every piece.
    const last = parts.pop() ?? ''
    if (parts.length === 0) {
      rest += last
      continue
    }
    parts[0] = rest + parts[0]
    rest = last
    for (const line of parts) yield withoutReturn(line)
  }
  rest += decoder.decode()
  if (rest !== '') yield withoutReturn(rest)
}

const withoutReturn = (line: string) => (line.endsWith('\r') ? line.slice(0, -1) : line)
