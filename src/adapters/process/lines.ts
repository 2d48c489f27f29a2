import type { Readable } from 'node:stream'

/** Longer lines are cut, so that output without line ends cannot fill the memory. */
const MAX_LINE = 64 * 1024

/** Calls back with the whole lines of each chunk, and with the rest when the stream ends. */
export function onLines(stream: Readable, take: (lines: string[]) => void): void {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    if (rest.length > MAX_LINE) {
      parts.push(rest)
      rest = ''
    }
    if (parts.length > 0) take(parts.map(cut))
  })
  stream.on('close', () => {
    if (rest !== '') take([cut(rest)])
    rest = ''
  })
}

const cut = (line: string) => (line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}… (cut)` : line)
