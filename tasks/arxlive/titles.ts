import type { Match } from './match.ts'

/** A title to ask for. */
export interface Title {
  id: string
  title: string
}

/** Titles that are asked for by one task. */
export const BATCH = 100

/** New titles first, then those of earlier days that have had no match so far, the oldest first. */
export function selectTitles(fresh: Title[], earlier: Iterable<Match>, mostEarlier: number): Title[] {
  const known = new Set(fresh.map(({ id }) => id))
  const open = new Map<string, Title>()
  for (const { id, title, paper } of earlier) {
    if (known.has(id)) continue
    if (paper === null) open.set(id, { id, title })
    else {
      open.delete(id)
      known.add(id)
    }
  }
  return [...fresh.map(({ id, title }) => ({ id, title })), ...[...open.values()].slice(0, mostEarlier)]
}

/** How many batches some titles make. */
export const countBatches = (titles: number): number => Math.ceil(titles / BATCH)
