import type { Duplex } from 'node:stream'

/**
 * Where a child finds its channel to its parent. Node's own channel would cost a process more than a tenth of its start: it loads
 * what starts and feeds other processes.
 */
export const CHANNEL_FD = 3

/** Messages each way over one stream, a line of JSON each. Returns what sends one; the stream is closed if a line is no message. */
export function openChannel<In, Out>(
  stream: Duplex,
  onMessage: (message: In) => void,
): (message: Out) => void {
  let pieces: string[] = []
  const receive = (line: string) => {
    pieces.push(line)
    const message = parseMessage<In>(pieces.join(''))
    pieces = []
    if (message === undefined) stream.destroy()
    else onMessage(message)
  }
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = chunk.split('\n')
    const last = lines.pop() ?? ''
    lines.forEach(receive)
    if (last !== '') pieces.push(last)
  })
  // That the other side is gone is told by the end of the stream.
  stream.on('error', () => {})
  return (message) => {
    if (stream.writable) stream.write(`${JSON.stringify(message)}\n`)
  }
}

/** A body can write into the channel of its process, too. */
function parseMessage<T>(line: string): T | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as T) : undefined
  } catch {
    return undefined
  }
}
