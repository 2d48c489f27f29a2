import { z } from 'zod'
import { countField, cursor, instantField, limit, next } from './fields.ts'
import { TaskStatus } from './runs.ts'

/** A budget: what is spent, reserved and left of it in its window. */
export const Budget = z.object({
  budget: z.string(),
  limit: z.number(),
  per: z.enum(['minute', 'hour', 'day', 'week', 'month', 'year']).optional(),
  timeZone: z.string().optional(),
  spent: z.number(),
  reserved: z.number().describe('Held by attempts that run'),
  left: z.number(),
  windowEndsAt: instantField('When its window turns').nullable(),
  blockedUntil: instantField('Nothing of it may be used until then, as the API has asked').nullable(),
  waiting: countField('How many tasks wait for it'),
  configured: z
    .object({ limit: z.number(), per: z.string().optional() })
    .optional()
    .describe('What the config says, if no engine has applied it yet'),
})

/** A pool: its size, what runs in it and what waits for it. */
export const Pool = z.object({
  pool: z.string(),
  concurrency: z.number().nullable(),
  maxMemoryMb: z.number().nullable().describe('The most memory that an attempt gets, in MiB'),
  running: countField('Tasks that run'),
  queued: countField('Tasks that are queued'),
  waiting: countField('Tasks that wait'),
})

/** A resource: how much of it is held, and how many tasks wait for it. */
export const Resource = z.object({
  resource: z.string(),
  limit: z.number(),
  held: z.number(),
  waiting: countField('How many tasks wait for it'),
  configured: z.object({ limit: z.number() }).optional(),
})

/** All pools and resources. */
export const Pools = z.object({ pools: z.array(Pool), resources: z.array(Resource) })

/** Names a limit of which the users are listed. */
export const LimitQuery = z.strictObject({
  of: z.enum(['pool', 'resource', 'budget']).describe('What it is'),
  name: z.string(),
  cursor: cursor.optional(),
  limit,
})

const LimitUser = z.object({
  run: z.string(),
  number: z.int(),
  task: z.string().describe('The label of the task'),
  status: TaskStatus,
  weight: z.number().nullable().describe('How much it holds or waits for; null for a place in a pool'),
  since: instantField('Since when it runs or waits').nullable(),
})

/** Who holds a limit, and who waits for it. */
export const LimitUse = z
  .object({
    of: z.enum(['pool', 'resource', 'budget']),
    name: z.string(),
    holders: z.array(LimitUser).describe('Tasks that hold a part of it, 100 at most'),
    moreHolders: countField('How many further tasks hold a part of it'),
    waiters: z
      .array(LimitUser)
      .describe(
        'Tasks that wait for it; those of a resource or budget in the order in which they are served',
      ),
    next,
  })
  .describe('Who holds a limit, and who waits for it')
