/** A piece of a line with one look. */
export interface Piece {
  text: string
  /** Names of CSS classes, such as `c1` for red and `bold`. */
  look: string
}

/** Escape sequences: those that set a look, others of terminals, and links or titles. */
const ESCAPE =
  /\u001b\[([\d;:]*)m|\u001b\[[\d;?<=>]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[@-_]/g

/** Cuts a line into pieces by its colours; every other sequence for a terminal is left out. */
export function cutByLook(line: string): Piece[] {
  if (!line.includes('\u001b')) return line === '' ? [] : [{ text: line, look: '' }]
  const pieces: Piece[] = []
  let look = new Map<string, string>()
  let from = 0
  const push = (to: number) => {
    if (to > from) pieces.push({ text: line.slice(from, to), look: [...look.values()].join(' ') })
  }
  for (const match of line.matchAll(ESCAPE)) {
    push(match.index)
    from = match.index + match[0].length
    if (match[1] !== undefined) look = changeLook(look, match[1])
  }
  push(line.length)
  return pieces
}

/** A line without sequences for a terminal. */
export const removeLook = (line: string): string => line.replace(ESCAPE, '')

function changeLook(before: Map<string, string>, codes: string): Map<string, string> {
  const look = new Map(before)
  const numbers = codes.split(/[;:]/).map(Number)
  for (let at = 0; at < numbers.length; at += 1) {
    const code = numbers[at] ?? 0
    // 38 and 48 take a palette number or three parts; those colours are not shown.
    if (code === 38 || code === 48) at += numbers[at + 1] === 5 ? 2 : 4
    else setLook(look, code)
  }
  return look
}

function setLook(look: Map<string, string>, code: number): void {
  if (code === 0) look.clear()
  else if (code === 1) look.set('weight', 'bold')
  else if (code === 22) look.delete('weight')
  else if (code === 4) look.set('line', 'underline')
  else if (code === 24) look.delete('line')
  else if (code >= 30 && code <= 37) look.set('colour', `c${code - 30}`)
  else if (code >= 90 && code <= 97) look.set('colour', `c${code - 90}`)
  else if (code === 39) look.delete('colour')
}
