import type { UncutLine } from './mask.ts'

/** So much of a line is kept, in characters; the log shows less. Output without line ends cannot fill the memory. */
const KEPT = 512 * 1024

/** Takes a stream's text chunk by chunk, and gives its lines. */
export class LineSplitter {
  #rest: UncutLine = { text: '' }

  /** The lines that the chunk completes. */
  push(chunk: string): UncutLine[] {
    const [first = '', ...others] = chunk.split('\n')
    const lines = [extendLine(this.#rest, first), ...others.map((text) => extendLine({ text: '' }, text))]
    this.#rest = lines.pop() ?? { text: '' }
    return lines
  }

  /** What has come after the last line end, at the end of the stream. */
  end(): UncutLine[] {
    const rest = this.#rest
    this.#rest = { text: '' }
    return rest.text === '' ? [] : [rest]
  }
}

function extendLine({ text, dropped = 0 }: UncutLine, more: string): UncutLine {
  const fits = more.slice(0, KEPT - text.length)
  const missing = dropped + more.length - fits.length
  return { text: text + fits, ...(missing > 0 && { dropped: missing }) }
}
