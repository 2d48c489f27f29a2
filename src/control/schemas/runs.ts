import { z } from 'zod'
import { countField, cursor, instantField, limit, next, params, runName } from './fields.ts'

/** The status of a run; it is open while `planning` or `running`. */
export const RunStatus = z
  .enum(['planning', 'running', 'succeeded', 'failed', 'cancelled'])
  .describe('Status of a run; it is open while `planning` or `running`')

/** The status of a task within a run; `complete` says that its target was there before. */
export const TaskStatus = z
  .enum([
    'pending',
    'queued',
    'running',
    'waiting',
    'expanding',
    'succeeded',
    'complete',
    'failed',
    'upstream_failed',
    'cancelled',
  ])
  .describe('Status of a task within a run; `complete`: its target was there before')

/** How an attempt ended. */
export const AttemptOutcome = z
  .enum([
    'succeeded',
    'failed',
    'timed_out',
    'out_of_memory',
    'lost',
    'interrupted',
    'not_started',
    'throttled',
    'over_budget',
    'yielded',
    'cancelled',
  ])
  .describe('How an attempt ended; only failed, timed_out and out_of_memory use up its retries')

/** Why an attempt, a task or a run failed. */
export const Failure = z
  .object({
    outcome: z.union([AttemptOutcome, z.enum(['planning', 'adopted'])]),
    message: z.string(),
    stack: z.string().optional().describe("The stack of an exception in the pipeline's code"),
  })
  .describe('Why an attempt, a task or a run failed')

/** The interval of a schedule that a run is for. */
export const Interval = z
  .object({ start: instantField('Its first instant'), end: instantField('The instant after its last one') })
  .describe('The interval of a schedule that a run is for')

/** What a body last reported about itself. */
export const Progress = z
  .object({ done: z.number(), total: z.number().optional(), text: z.string().optional() })
  .describe('What a body last reported about itself')

/** Who acted. */
export const Actor = z
  .object({
    kind: z
      .enum(['user', 'identity', 'schedule', 'execution'])
      .describe(
        '`user`: of the machine; `identity`: of AWS, by whose signature it was asked; `schedule`: of a pipeline; `execution`: of Step Functions, started or stopped there',
      ),
    name: z.string().describe("The user's name, an ARN, the pipeline, or `machine:execution`"),
  })
  .describe('Who acted')

/** How many tasks are in each status; a status without tasks is absent. */
export const Counts = z.partialRecord(TaskStatus, z.int()).describe('How many tasks are in each status')

/** A run, as lists have it. */
export const Run = z
  .object({
    run: z.string().describe('Its id'),
    name: z.string().describe('The pipeline, or the family if a task was requested'),
    params,
    status: RunStatus,
    createdAt: instantField('When it was opened'),
    endedAt: instantField('When it ended').nullable(),
    tasks: countField('How many nodes its plan has; 0 while it is planned'),
    interval: Interval.nullable(),
    forced: z.string().nullable().describe('What was forced to run again: `root`, or the name of a task'),
    startedBy: Actor.nullable().describe('Who started it; null if it is not known'),
    cancelledAt: instantField('When it was cancelled; what ran then may have ended later').nullable(),
    cancelledBy: Actor.nullable().describe('Who cancelled it; null if it is not known'),
    unattendedSince: instantField('Since when no process has worked on it, though it is open').nullable(),
  })
  .describe('A run, as lists have it')

/** Which runs are listed. */
export const RunQuery = z.strictObject({
  pipeline: z.string().optional().describe('Only runs of this pipeline or task family'),
  statuses: z.array(RunStatus).optional().describe('Only runs in one of these'),
  since: instantField('Only runs that were opened at or after this instant').optional(),
  until: instantField('Only runs that were opened before this instant').optional(),
  where: z
    .string()
    .min(1)
    .optional()
    .describe('Only runs that these terms of a selection want: `pipeline` and `interval`'),
  newest: z
    .boolean()
    .default(false)
    .describe('Only the newest run of each request, whatever the other filters leave out'),
  cursor: cursor.optional(),
  limit,
})

/** A page of runs, the newest first. */
export const RunPage = z.object({
  runs: z.array(Run).describe('The newest first'),
  found: countField('How many runs the filter finds'),
  all: countField('How many runs there are'),
  next,
})

/** Names one run. */
export const RunRef = z.strictObject({ run: runName })

/** A run in full, without its tasks. */
export const RunDetail = z
  .object({
    ...Run.shape,
    counts: Counts,
    failure: Failure.nullable().describe('Why it could not be planned or decided'),
    outputs: z.array(z.string()).describe('URIs of the targets of its root'),
  })
  .describe('A run in full, without its tasks')
