import { z } from 'zod'
import { cursor, durationField, instantField, MAX_PAGE } from './fields.ts'
import { AttemptOutcome, Counts, Progress, RunStatus } from './runs.ts'

const ofTask = {
  run: z.string(),
  number: z.int(),
  task: z.string().describe('Its label'),
  attempt: z.int(),
  at: instantField('When it happened'),
}

/** What happens in runs that are followed; `end` is the last event. */
export const RunEvent = z
  .discriminatedUnion('event', [
    z.object({ event: z.literal('task_started'), ...ofTask }),
    z.object({ event: z.literal('task_progress'), ...ofTask, progress: Progress }),
    z.object({
      event: z.literal('task_ended'),
      ...ofTask,
      outcome: z.union([AttemptOutcome, z.literal('upstream_failed')]),
      tookMs: durationField('How long the attempt ran').nullable(),
      message: z.string().nullable().describe('Why it failed'),
    }),
    z.object({ event: z.literal('counts'), run: z.string(), counts: Counts }),
    z.object({ event: z.literal('run_ended'), run: z.string(), status: RunStatus }),
    z.object({
      event: z.literal('stopping'),
      graceMs: durationField('How long bodies that run may take to finish'),
    }),
    z.object({
      event: z.literal('end'),
      end: z
        .enum(['ended', 'waiting', 'stopped'])
        .describe('All runs ended, nothing could start for too long, or following was stopped'),
    }),
  ])
  .describe('What happens in runs that are followed; `end` is the last one')

/** Asks what has happened in runs since an earlier answer. */
export const ChangesQuery = z.strictObject({
  runs: z.array(z.string()).max(MAX_PAGE).describe('Ids of runs'),
  cursor: cursor.optional().describe('The `next` of the answer before; absent: everything so far'),
  since: instantField('Without a cursor: only what happened at or after this instant').optional(),
  counts: z.boolean().default(false).describe('Adds the counts of each run'),
})

/** What has happened in runs since the answer before; an event may come again. */
export const Changes = z
  .object({
    events: z.array(RunEvent),
    runs: z.array(
      z.object({
        run: z.string(),
        status: RunStatus,
        isMoving: z.boolean().describe('A body runs'),
        onlyAwaits: z.boolean().describe('It only waits for targets that others make'),
      }),
    ),
    next: z.string(),
    lookAgainMs: durationField('When to ask again'),
  })
  .describe('What has happened in runs since the answer before; an event may come again')
