import { z } from 'zod'

const texts = z.record(z.string(), z.string())
const problem = z.object({ message: z.string(), stack: z.string().optional() })
/** What luigi.cfg says for all tasks. */
const settings = {
  resources: z.record(z.string(), z.number()).default({}),
  /** `retry_count` and `retry_delay` (seconds) of `[scheduler]`. */
  retries: z.number().optional(),
  delay: z.number().optional(),
}

/** The first line of a plan. */
const HEADER = z.object({
  sluice: z.literal(1),
  luigi: z.string().nullable(),
  python: z.string(),
  root: z.object({ family: z.string(), params: texts, significant: z.array(z.string()) }),
  /** What means nothing here, a sentence each. */
  notes: z.array(z.string()),
  workers: z.number().optional(),
  ...settings,
})

/** The first line of what a task has yielded. */
const ROOTS = z.object({ roots: z.array(z.string()), ...settings })

const TASK = z.object({
  /** Luigi's own id. */
  id: z.string(),
  family: z.string(),
  module: z.string(),
  params: texts,
  /** Names of the parameters that make the identity. @default all */
  significant: z.array(z.string()).optional(),
  deps: z.array(z.string()).default([]),
  complete: z.literal(true).optional(),
  external: z.literal(true).optional(),
  priority: z.number().optional(),
  resources: z.record(z.string(), z.number()).optional(),
  retries: z.number().optional(),
  /** Seconds. */
  timeout: z.number().optional(),
  problem: problem.optional(),
})

const ANSWER = z.object({ number: z.number(), complete: z.boolean(), problem: z.string().nullable() })
const WRONG = z.object({
  wrong: z.enum(['no_luigi', 'old_luigi', 'no_module', 'unknown_task', 'params', 'endless']),
  message: z.string(),
  hint: z.string().nullable(),
  /** For `unknown_task`: the name that was given, then those that there are. */
  names: z.array(z.string()),
})
const END = z.object({ end: z.number() })

/** What our program in Python answers, a line each. */
const LINE = z.union([TASK, HEADER, ROOTS, ANSWER, WRONG, END])

/** The answer that begins a plan: the root, and what luigi.cfg says. */
export type LuigiHeader = z.output<typeof HEADER>
/** What luigi.cfg says for all tasks of a plan. */
export type LuigiSettings = Pick<LuigiHeader, 'resources' | 'retries' | 'delay'>
/** A task as its own code describes it. */
export type LuigiTaskLine = z.output<typeof TASK>
/** What has to be corrected before anything can be planned. */
export type LuigiRefusal = z.output<typeof WRONG>
/** One answer. */
export type LuigiLine = z.output<typeof LINE>

/** Reads one line; throws if it is none. */
export const parseLuigiLine = (line: string): LuigiLine => LINE.parse(JSON.parse(line))
