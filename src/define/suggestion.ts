import { closest, distance } from 'fastest-levenshtein'

/** More typing mistakes than these are another word. */
const MOST_MISTAKES = 3
/** The part of a word that may be mistaken. */
const MISTAKEN_PART = 0.4

/** ` Did you mean X?` with the nearest name; nothing if no name is near. */
export function suggestName(wanted: string, names: readonly string[]): string {
  if (wanted === '' || names.length === 0) return ''
  const near = names.find((name) => name.startsWith(wanted)) ?? closest(wanted, names)
  const mistakes = distance(wanted, near)
  const isNear = mistakes <= MOST_MISTAKES && mistakes <= near.length * MISTAKEN_PART
  return isNear || near.startsWith(wanted) ? ` Did you mean ${near}?` : ''
}

/** A name in a message: an empty one is shown as one. */
export const formatShownName = (name: string) => (name.trim() === '' ? JSON.stringify(name) : name)
