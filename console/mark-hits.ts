import type { Piece } from './ansi.ts'

/** A piece of a line, and whether it is part of what was searched. */
interface MarkedPiece extends Piece {
  isHit: boolean
}

/** More hits of one line are not marked: each is an element of the page. */
const MAX_MARKED = 100

/** Cuts the pieces of a line so that what was searched stands alone, also where its colour changes within. */
export function markHits(pieces: Piece[], wanted: string): MarkedPiece[] {
  const spans = findHits(pieces.map(({ text }) => text).join(''), wanted)
  const marked: MarkedPiece[] = []
  let begin = 0
  for (const { text, look } of pieces) {
    let from = 0
    const push = (to: number, isHit: boolean) => {
      if (to > from) marked.push({ text: text.slice(from, to), look, isHit })
      from = Math.max(from, to)
    }
    for (const [start, end] of spans) {
      if (start >= begin + text.length) break
      push(start - begin, false)
      push(Math.min(end - begin, text.length), true)
    }
    push(text.length, false)
    begin += text.length
  }
  return marked
}

/** Where a text has another one, in upper or lower case: begins and ends, in order, none within another. */
export function findHits(text: string, wanted: string): [start: number, end: number][] {
  const sought = wanted.toLowerCase()
  const lower = text.toLowerCase()
  if (sought === '' || !lower.includes(sought)) return []
  const placeOf = makePlaces(text, lower)
  const spans: [number, number][] = []
  for (let at = lower.indexOf(sought); at >= 0 && spans.length < MAX_MARKED; ) {
    spans.push([placeOf(at), placeOf(at + sought.length - 1) + 1])
    at = lower.indexOf(sought, at + sought.length)
  }
  return spans
}

/** Where a sign of the text in lower case was before: some signs, such as İ, become two. */
function makePlaces(text: string, lower: string): (at: number) => number {
  if (lower.length === text.length) return (at) => at
  const places = Array.from({ length: text.length }, (_, at) =>
    Array.from({ length: text.charAt(at).toLowerCase().length }, () => at),
  ).flat()
  return (at) => places[at] ?? text.length - 1
}
