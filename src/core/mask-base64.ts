import type { Mask } from './mask.ts'

/** Shorter pieces of base64 are found in much text that is no secret. */
const MIN_BASE64 = 4

/**
 * Pieces of base64 by which a text is found in any longer text that contains it. Each character holds 6 bits, so there is a
 * piece for each of the three offsets in a byte triple; the first and last character are left out if they hold bits of the
 * bytes around. The text is also looked for as JSON, URLs and forms write it.
 */
export function makeBase64Pieces(secret: string): string[] {
  const written = [secret, JSON.stringify(secret).slice(1, -1), ...percentForms(secret)]
  return [...new Set([...new Set(written)].flatMap(cutBase64Pieces))]
}

function percentForms(secret: string): string[] {
  // `encodeURIComponent` throws for half of a surrogate pair.
  if (!secret.isWellFormed()) return []
  return [encodeURIComponent(secret), new URLSearchParams([['', secret]]).toString().slice(1)]
}

function cutBase64Pieces(text: string): string[] {
  const bytes = new TextEncoder().encode(text)
  return [0, 1, 2].flatMap((offset) => {
    const first = Math.ceil((offset * 8) / 6)
    const end = Math.floor(((offset + bytes.length) * 8) / 6)
    const piece = base64([...new Uint8Array(offset), ...bytes]).slice(first, end)
    return piece.length < MIN_BASE64 ? [] : [piece]
  })
}

function base64(bytes: number[]): string {
  return btoa(bytes.map((byte) => String.fromCharCode(byte)).join(''))
}

/** MIME breaks base64 after 76 characters, PEM after 64; the first line may begin with other text. */
const MIN_COLUMNS = 60
const MAX_COLUMNS = 80
/** A line of base64 with its padding. */
const LONGEST_LINE = MAX_COLUMNS + 2
/** What may follow base64 on its last line. */
const LINE_REST = /^={0,2}\r?$/

/** Ends of lines, also as JSON writes them. */
const LINE_END = /(\r?\n|(?:\\r)?\\n)/

const CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const isBase64 = new Uint8Array(128)
for (const character of CHARACTERS) isBase64[character.charCodeAt(0)] = 1

/**
 * Masks base64 of secrets that is broken into lines: the beginning of a piece at the end of a long line, lines within a
 * piece, and the end of a piece on the next line. Lines of a log come one by one, so each is judged alone. Up to three
 * characters beside a line break stay, because so few would be found everywhere.
 */
export function maskBrokenBase64(pieces: string[]): Mask {
  const heads = new Map<string, string[]>()
  const tails = new Map<string, string[]>()
  for (const piece of pieces)
    for (let length = Math.min(piece.length - 1, MAX_COLUMNS); length >= MIN_BASE64; length--) {
      const [head, tail] = [piece.slice(0, length), piece.slice(-length)]
      add(heads, head.slice(-MIN_BASE64), head)
      add(tails, tail.slice(0, MIN_BASE64), tail)
    }
  const long = pieces.filter(({ length }) => length > MIN_COLUMNS)

  function maskStart(line: string, isContinued: boolean): string {
    if (line.length > LONGEST_LINE && !isContinued) return line
    const run = runAtStart(line)
    const isWhole = run <= MAX_COLUMNS && LINE_REST.test(line.slice(run))
    if (!isWhole && !isContinued) return line
    if (run >= MIN_COLUMNS && long.some((piece) => piece.includes(line.slice(0, run))))
      return `***${line.slice(run)}`
    const tail = tails.get(line.slice(0, MIN_BASE64))?.find((each) => line.startsWith(each))
    return tail === undefined ? line : `***${line.slice(tail.length)}`
  }

  function maskEnd(line: string): string {
    // Most lines differ here already, so that they cost a look at two characters.
    if (!isBase64At(line, line.length - 1) || !isBase64At(line, line.length - MIN_COLUMNS)) return line
    const head = heads.get(line.slice(-MIN_BASE64))?.find((each) => line.endsWith(each))
    if (head === undefined || runAtEnd(line) < MIN_COLUMNS) return line
    return `${line.slice(0, -head.length)}***`
  }

  const maskLine = (line: string, isContinued: boolean) => maskStart(maskEnd(line), isContinued)

  return (text) => {
    if (!text.includes('\n') && !text.includes('\\n')) return maskLine(text, false)
    const parts = text.split(LINE_END)
    let before = 0
    for (let index = 0; index < parts.length; index += 2) {
      const line = parts[index] ?? ''
      parts[index] = maskLine(line, before >= MIN_COLUMNS)
      before = runAtEnd(line)
    }
    return parts.join('')
  }
}

/** Pieces by four of their characters, the longest first, so that a line costs one look-up. */
function add(known: Map<string, string[]>, key: string, piece: string): void {
  known.set(
    key,
    [...(known.get(key) ?? []), piece].sort((a, b) => b.length - a.length),
  )
}

const isBase64At = (line: string, index: number) => isBase64[line.charCodeAt(index)] === 1

function runAtStart(line: string): number {
  let run = 0
  while (isBase64At(line, run)) run++
  return run
}

function runAtEnd(line: string): number {
  let run = 0
  while (isBase64At(line, line.length - 1 - run)) run++
  return run
}
