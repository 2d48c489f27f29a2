import { z } from 'zod'
import { isTimeZone } from '../core/calendar.ts'
import type { BudgetLimit, Limits, PoolLimit } from '../core/limits.ts'
import type { BudgetPeriod } from '../core/model.ts'
import { DEFAULT_POOL } from '../core/plan.ts'
import { isPipeline, type Pipeline } from './pipeline.ts'

/** Where pipelines live. */
export interface Environment {
  /** Folder of the targets, relative to the config. */
  storage: string
}

/** What `sluice.config.ts` exports. */
export interface Config {
  /**
   * Pipelines, or paths and globs (relative to the config) of modules that export them. A module that does not
   * load stops only its own pipelines.
   */
  pipelines: (Pipeline | string)[]
  /** Queues with limits of their own. The pool `default` is always there. */
  pools?: { [name: string]: PoolLimit }
  /** What only so many attempts may use at once: `{ db: { limit: 2 } }`. */
  resources?: { [name: string]: { limit: number } }
  /** Quotas of outside services, shared by all pipelines: `{ mag: { limit: 10_000, per: 'month', timeZone: 'UTC' } }`. */
  budgets?: { [name: string]: { limit: number; per: BudgetPeriod; timeZone?: string } }
  /** `dev` is this machine. @default { dev: { storage: 'data' } } */
  environments?: { [name: string]: Environment }
}

/** Types the config; it is checked when the command loads it. */
export function defineConfig(config: Config): Config {
  return config
}

const count = z.int().min(1)
const names = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,49}$/, 'a name is a letter, then up to 49 letters, digits, _ or -')
const timeZone = z.string().refine(isTimeZone, {
  error: (issue) => `there is no time zone ${JSON.stringify(issue.input)}; write one such as Europe/London`,
})

const SCHEMA = z.strictObject({
  pipelines: z.array(
    z.custom<Pipeline | string>(
      (each) => typeof each === 'string' || isPipeline(each),
      'must be pipeline(…) or the path of a module',
    ),
    'must be an array',
  ),
  pools: z
    .record(names, z.strictObject({ concurrency: count.optional(), maxMemoryMb: z.int().min(32).optional() }))
    .default({}),
  resources: z.record(names, z.strictObject({ limit: count })).default({}),
  budgets: z
    .record(
      names,
      z.strictObject({
        limit: count,
        per: z.enum(['minute', 'hour', 'day', 'week', 'month', 'year']),
        timeZone: timeZone.default('UTC'),
      }),
    )
    .default({}),
  environments: z
    .record(z.string(), z.strictObject({ storage: z.string().min(1, 'must be the path of a folder') }))
    .default({}),
})

/** A config that was checked. */
export interface CheckedConfig {
  pipelines: (Pipeline | string)[]
  limits: Limits
  environments: { [name: string]: Environment }
}

/** Checks what a config module exports; every problem is a sentence, and what is right can still be looked at. */
export function checkConfig(exported: unknown): { config: CheckedConfig; problems: string[] } {
  if (typeof exported !== 'object' || exported === null) return { config: EMPTY, problems: [NO_EXPORT] }
  const parsed = SCHEMA.safeParse(exported)
  if (parsed.success) return { config: toConfig(parsed.data), problems: [] }
  const { pipelines } = exported as Partial<Config>
  const usable = Array.isArray(pipelines)
    ? pipelines.filter((each) => typeof each === 'string' || isPipeline(each))
    : []
  return { config: { ...EMPTY, pipelines: usable }, problems: parsed.error.issues.map(problemOf) }
}

const NO_EXPORT = 'it has no default export; write `export default defineConfig({ pipelines: [ … ] })`'
const EMPTY: CheckedConfig = {
  pipelines: [],
  limits: { pools: {}, resources: {}, budgets: {} },
  environments: {},
}

function toConfig({
  pipelines,
  pools,
  resources,
  budgets,
  environments,
}: z.output<typeof SCHEMA>): CheckedConfig {
  const limits: Limits = {
    pools: { [DEFAULT_POOL]: {}, ...(pools as { [name: string]: PoolLimit }) },
    resources,
    budgets: budgets as { [name: string]: BudgetLimit },
  }
  return { pipelines, limits, environments }
}

function problemOf(issue: z.core.$ZodIssue): string {
  const where = issue.path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
  const at = where.replace(/^\./, '')
  if (issue.code === 'unrecognized_keys')
    return `there is no setting ${issue.keys.join(', ')}${at && ` in ${at}`}; there are ${Object.keys(SCHEMA.shape).join(', ')}`
  if (issue.code === 'invalid_key') return `${at}: ${issue.issues[0]?.message}`
  return `${at}: ${issue.message}`
}
