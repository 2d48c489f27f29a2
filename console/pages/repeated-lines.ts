import type { LogPage } from '../../src/control/control.ts'

type Line = LogPage['lines'][number]

/** A page has lines of the last half minute again; more is kept because clocks differ. */
const KEPT_MS = 120_000

/**
 * Leaves out lines that an earlier page had: a deployment looks back for lines that come late. Within one page the same line may
 * stand twice, because it was written twice.
 */
export function makeRepeatFilter(): (lines: Line[]) => Line[] {
  const seen = new Map<string, number>()
  return (lines) => {
    const fresh = lines.filter((line) => !seen.has(makeKey(line)))
    for (const line of fresh) seen.set(makeKey(line), line.at)
    const newest = fresh.reduce((most, { at }) => Math.max(most, at), 0)
    if (newest > 0) for (const [key, at] of seen) if (at < newest - KEPT_MS) seen.delete(key)
    return fresh
  }
}

const makeKey = ({ number, attempt, at, line, text }: Line) =>
  JSON.stringify([number, attempt, at, line, text])
