import { z } from 'zod'

/** Longest page of a list. */
export const MAX_PAGE = 1_000

/** Length of a page if none is said. */
export const DEFAULT_PAGE = 100

/** A field for an instant. */
export const instantField = (what: string) => z.number().describe(`${what}; milliseconds since 1970 (UTC)`)

/** A field for a duration. */
export const durationField = (what: string) => z.number().min(0).describe(`${what}; milliseconds`)

/** A field for a number of things. */
export const countField = (what: string) => z.int().min(0).describe(what)

/** A field for parameters. */
export const params = z.record(z.string(), z.json()).describe('Parameters by name')

/** A field that names a run. */
export const runName = z
  .string()
  .describe('A run: its id, a prefix that no other run has, or `latest` for the newest run')

/** A field that names a task of the run. */
export const taskName = z
  .string()
  .describe('A task of the run: its number, its family, or its label `Family(name=value,…)`')

/** A field for where a page goes on. */
export const cursor = z.string().describe('The `next` of the page before; absent for the first page')

/** A field for the length of a page. */
export const limit = z
  .int()
  .min(1)
  .max(MAX_PAGE)
  .default(DEFAULT_PAGE)
  .describe('How many the page has at most')

/** A field for the cursor of the next page. */
export const next = z.string().nullable().describe('The cursor of the next page; null after the last one')
