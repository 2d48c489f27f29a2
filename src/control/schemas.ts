import { z } from 'zod'

/**
 * Every shape that {@link Control} takes and returns, described once: the command prints them with `--json`, the HTTP
 * API sends them, and its documentation is made from them. An instant is milliseconds since 1970 (UTC); a duration is
 * milliseconds. What does not apply is `null`, so that every field of a shape is always there.
 */

/** Longest page of a list. */
export const MAX_PAGE = 1_000
/** Length of a page where none is said. */
export const DEFAULT_PAGE = 100

const instant = (what: string) => z.number().describe(`${what}; milliseconds since 1970 (UTC)`)
const duration = (what: string) => z.number().min(0).describe(`${what}; milliseconds`)
const count = (what: string) => z.int().min(0).describe(what)
const params = z.record(z.string(), z.json()).describe('Parameters by name')
const runName = z
  .string()
  .describe('A run: its id, a prefix that no other run has, or `latest` for the newest run')
const taskName = z
  .string()
  .describe('A task of the run: its number, its family, or its label `Family(name=value,…)`')
const cursor = z.string().describe('The `next` of the page before; absent for the first page')
const limit = z.int().min(1).max(MAX_PAGE).default(DEFAULT_PAGE).describe('How many the page has at most')
const next = z.string().nullable().describe('The cursor of the next page; null after the last one')

export const RunStatus = z
  .enum(['planning', 'running', 'succeeded', 'failed', 'cancelled'])
  .describe('Status of a run; it is open while `planning` or `running`')
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

export const Failure = z
  .object({
    outcome: z.union([AttemptOutcome, z.enum(['planning', 'adopted'])]),
    message: z.string(),
    stack: z.string().optional().describe("The stack of an exception in the pipeline's code"),
  })
  .describe('Why an attempt, a task or a run failed')

export const Interval = z
  .object({ start: instant('Its first instant'), end: instant('The instant after its last one') })
  .describe('The interval of a schedule that a run is for')

export const Progress = z
  .object({ done: z.number(), total: z.number().optional(), text: z.string().optional() })
  .describe('What a body last reported about itself')

export const Counts = z.partialRecord(TaskStatus, z.int()).describe('How many tasks are in each status')

/* Runs */

export const Run = z
  .object({
    run: z.string().describe('Its id'),
    name: z.string().describe('The pipeline, or the family where a task was requested'),
    params,
    status: RunStatus,
    createdAt: instant('When it was opened'),
    endedAt: instant('When it ended').nullable(),
    tasks: count('How many nodes its plan has; 0 while it is planned'),
    interval: Interval.nullable(),
    forced: z.string().nullable().describe('What was forced to run again: `root`, or the name of a task'),
    unattendedSince: instant('Since when no process has worked on it, though it is open').nullable(),
  })
  .describe('A run, as lists have it')

export const RunQuery = z.strictObject({
  pipeline: z.string().optional().describe('Only runs of this pipeline or task family'),
  statuses: z.array(RunStatus).optional().describe('Only runs in one of these'),
  since: instant('Only runs that were opened at or after this instant').optional(),
  until: instant('Only runs that were opened before this instant').optional(),
  cursor: cursor.optional(),
  limit,
})
export const RunPage = z.object({
  runs: z.array(Run).describe('The newest first'),
  found: count('How many runs the filter finds'),
  all: count('How many runs there are'),
  next,
})

export const RunRef = z.strictObject({ run: runName })

export const RunDetail = z
  .object({
    ...Run.shape,
    counts: Counts,
    failure: Failure.nullable().describe('Why it could not be planned or decided'),
    outputs: z.array(z.string()).describe('URIs of the targets of its root'),
  })
  .describe('A run in full, without its tasks')

/* Tasks */

export const Attempt = z
  .object({
    attempt: z.int().describe('Its number, from 1'),
    outcome: AttemptOutcome,
    startedAt: instant('When its body started').optional(),
    endedAt: instant('When it ended'),
    worker: z.string().optional().describe('The process that ran it'),
    code: z.string().optional().describe("Version of the pipelines' code, where a deployment knows one"),
    peakMemoryBytes: z.number().optional(),
    cpuSeconds: z.number().optional(),
    memoryMb: z.number().optional().describe('The memory that it was given, in MiB'),
    failure: Failure.optional(),
    tail: z.string().optional().describe('The last lines of its log, 4 KB at most'),
  })
  .describe('An attempt that did not succeed at once')

export const Task = z
  .object({
    number: count('Its number within the run'),
    task: z.string().describe('Its label; long parameters are cut'),
    id: z.string().describe('The same in every run: family and hash of the significant parameters'),
    family: z.string(),
    params,
    status: TaskStatus,
    attempt: count('The attempt that is queued, running or was last; from 1'),
    startedAt: instant('When the last attempt started').nullable(),
    endedAt: instant('When it ended').nullable(),
    peakMemoryBytes: z.number().nullable(),
    cpuSeconds: z.number().nullable(),
    worker: z.string().nullable().describe('The process that ran the last attempt'),
    code: z.string().nullable().describe("Version of the pipelines' code that it ran with"),
    memoryMb: z.number().nullable().describe('The memory that an attempt is given, in MiB'),
    pool: z.string(),
    priority: z.number().describe('Higher goes first'),
    counts: z.partialRecord(AttemptOutcome, z.int()).describe('How many attempts ended by each cause'),
    waitingSince: instant('Since when it has waited').nullable(),
    notBefore: instant('Its next attempt starts at or after this instant').nullable(),
    waitsFor: z.string().nullable().describe('The row it waits for, or `target` for an external task'),
    progress: Progress.nullable(),
    failure: Failure.nullable(),
    outputs: z.array(z.string()).describe('URIs of its targets'),
    result: z.json().describe('What the body of a task without an output returned'),
    attempts: z.array(Attempt),
  })
  .describe('A task of a run')

export const TaskQuery = z.strictObject({
  run: runName,
  task: taskName.optional().describe('Only tasks with this number, family or label; none is an error'),
  statuses: z.array(TaskStatus).optional().describe('Only tasks in one of these'),
  text: z.string().optional().describe('Only tasks whose label contains this text'),
  cursor: cursor.optional(),
  limit,
})
export const TaskPage = z.object({ tasks: z.array(Task).describe('By number'), next })

/* Waiting */

export const Reason = z.object({
  text: z.string(),
  until: instant('When it ends by itself').optional(),
})
export const TaskRef = z.strictObject({ run: runName, task: taskName })
export const Why = z
  .object({
    run: z.string(),
    task: z.string().describe('Its label'),
    status: TaskStatus,
    waitingSince: instant('Since when it has waited').nullable(),
    unattendedSince: instant('Since when no process has worked on the run').nullable(),
    reasons: z.array(Reason).describe('The first hindrance first'),
  })
  .describe('Why a task does not run now')

export const Waits = z
  .object({
    waits: z.array(z.object({ task: z.string(), number: z.int(), reasons: z.array(Reason) })),
    more: count('How many further tasks wait'),
  })
  .describe('What the tasks of a run wait for that do not only wait for others of the run')

/* Logs */

export const LogQuery = z.strictObject({
  run: runName,
  task: taskName.optional(),
  attempt: z.int().min(1).optional().describe('Only lines of this attempt'),
  follow: z.boolean().default(false).describe('An attempt that has not begun yet is no error'),
  cursor: cursor.optional().describe('Only lines that the pages before did not have'),
})
export const LogLine = z.object({
  at: instant('When it was written'),
  level: z.enum(['debug', 'info', 'warn', 'error']),
  text: z.string(),
  task: z.string().describe('The label of its task'),
  number: z.int().describe('The number of its task'),
  attempt: z.int(),
})
export const LogPage = z.object({
  run: z.string().describe('The id of the run'),
  lines: z.array(LogLine).describe('In order of time; a line may come again on the next page'),
  next: z.string().describe('The cursor that goes on, also after the last line'),
  isMore: z.boolean().describe('More lines are there already'),
  isOpen: z.boolean().describe('The run is open, so more lines may come'),
  hasBegun: z.boolean().describe('One of the tasks has begun'),
  isSingle: z.boolean().describe('The run has one task alone'),
  lookAgainMs: duration('When to ask for the next page while the run is open'),
})

/* Acting */

export const StartRequest = z.strictObject({
  name: z.string().describe('A pipeline or a task family'),
  params: params.default({}).describe('Parameters by name; what is absent has its default'),
  force: z
    .union([z.literal(true), z.string()])
    .optional()
    .describe('Runs the root (`true`), or this task and what is downstream of it, though it is complete'),
  interval: Interval.optional().describe("Has the pipeline's parameters made from this interval"),
})
export const PlanText = z
  .strictObject({
    plan: z.string().describe('A plan in the plan format, version 1'),
    folder: z.string().describe('The folder of this machine in which its commands run'),
  })
  .describe('A plan that was made elsewhere')

export const Opened = z.object({
  run: z.string().describe('The id of the run'),
  opened: z.boolean().describe('False: the request had an open run, which was joined'),
})
export const AllComplete = z.object({
  status: z.literal('complete').describe('Everything is complete, so no run was opened'),
  task: z.string().describe('The label of the root'),
})
export const Started = z.union([Opened, AllComplete])

export const Unconfirmed = z.object({
  status: z.literal('unconfirmed').describe('Nothing was changed: ask, then send the same with `confirmed`'),
  affected: count('How many tasks would be stopped, or runs forgotten'),
  all: count('Of how many'),
})

export const RetryRequest = z.strictObject({
  run: runName,
  task: taskName.optional().describe('Makes only this task complete'),
  confirmed: z
    .boolean()
    .default(false)
    .describe('Tasks that still run may be stopped, where the run is open and something in it has failed'),
})
export const Stopping = z.object({
  run: z.string().describe('The open run that is being cancelled'),
  status: z.literal('running').describe('Bodies of it have not stopped yet: send the same again'),
})
export const Retried = z.union([Opened, AllComplete, Unconfirmed, Stopping])

export const Cancelled = z.object({
  run: z.string(),
  status: RunStatus.describe('`cancelled`, or `running` while bodies have not stopped yet'),
})

export const Marked = z.object({
  run: z.string(),
  task: z.string().describe('Its label'),
  status: z.literal('succeeded'),
})
export const MarkResult = z.union([Marked, Opened, AllComplete])

export const PipelineRef = z.strictObject({ pipeline: z.string().describe('A pipeline with a schedule') })
export const Paused = z.object({ pipeline: z.string(), paused: z.boolean() })

export const PruneRequest = z.strictObject({
  olderThanMs: duration('Runs that ended longer ago than this are forgotten'),
  confirmed: z.boolean().default(false).describe('It may be more than half of all runs'),
})
export const Pruned = z.object({
  pruned: z.array(z.string()).describe('Ids of the runs that were forgotten'),
  unpublished: count('Files of attempts that died, removed from beside targets').optional(),
  state: z
    .object({
      beforeBytes: z.number(),
      afterBytes: z.number(),
      isLater: z
        .boolean()
        .describe('Space is given back later, when no engine works on the state')
        .optional(),
    })
    .optional()
    .describe('The size of the file of the state'),
})
export const PruneResult = z.union([Pruned, Unconfirmed])

export const SecretValue = z.strictObject({ name: z.string(), value: z.string().min(1) })
export const SecretRef = z.strictObject({ name: z.string() })
export const Secret = z.object({
  name: z.string(),
  variable: z.string().describe('The environment variable that goes before the kept value'),
})
export const SecretName = z.object({ name: z.string() })

/* Following */

const ofTask = {
  run: z.string(),
  number: z.int(),
  task: z.string().describe('Its label'),
  attempt: z.int(),
  at: instant('When it happened'),
}
export const RunEvent = z
  .discriminatedUnion('event', [
    z.object({ event: z.literal('task_started'), ...ofTask }),
    z.object({ event: z.literal('task_progress'), ...ofTask, progress: Progress }),
    z.object({
      event: z.literal('task_ended'),
      ...ofTask,
      outcome: z.union([AttemptOutcome, z.literal('upstream_failed')]),
      tookMs: duration('How long the attempt ran').nullable(),
      message: z.string().nullable().describe('Why it failed'),
    }),
    z.object({ event: z.literal('counts'), run: z.string(), counts: Counts }),
    z.object({ event: z.literal('run_ended'), run: z.string(), status: RunStatus }),
    z.object({
      event: z.literal('stopping'),
      graceMs: duration('How long bodies that run may take to finish'),
    }),
    z.object({
      event: z.literal('end'),
      end: z
        .enum(['ended', 'waiting', 'stopped'])
        .describe('All runs ended, nothing could start for too long, or following was stopped'),
    }),
  ])
  .describe('What happens in runs that are followed; `end` is the last one')

export const ChangesQuery = z.strictObject({
  runs: z.array(z.string()).max(MAX_PAGE).describe('Ids of runs'),
  cursor: cursor.optional().describe('The `next` of the answer before; absent: everything so far'),
  counts: z.boolean().default(false).describe('Adds the counts of each run'),
})
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
    lookAgainMs: duration('When to ask again'),
  })
  .describe('What has happened in runs since the answer before; an event may come again')

/* Plans */

export const PlannedTask = z.object({
  task: z.string().describe('Unique in the plan: its label, or its id where labels are the same'),
  family: z.string(),
  params,
  requires: z.array(z.string()).optional().describe('`task` of its upstreams'),
  output: z.string().optional().describe('The URI of its target, where it has one'),
  complete: z.literal(true).optional(),
  label: z.string(),
  verdict: z.enum(['run', 'complete', 'awaited', 'fails']).describe('`awaited`: others make its target'),
  reason: z.string().describe('Why'),
})
export const PlanView = z
  .object({
    plan: z.literal(1).describe('Version of the plan format'),
    pipeline: z.string(),
    root: z.string().describe('`task` of the root'),
    tasks: z.array(PlannedTask),
    missingSecrets: z.array(z.string()).describe('A sentence for each secret that is needed and not set'),
  })
  .describe('What would run, and why')

/* Pipelines and their intervals */

export const Parameter = z.object({
  name: z.string(),
  flag: z.string().describe('The flag of the command'),
  kind: z.string().describe('What its value is'),
  required: z.boolean(),
  significant: z.boolean().describe('It is a part of the identity of tasks'),
})
export const Schedule = z.object({
  cron: z.string(),
  timeZone: z.string(),
  paused: z.boolean(),
  nextAt: instant('When it fires next').nullable(),
  problem: z.string().nullable().describe('Why its next run could not start'),
  open: count('Intervals that are not done'),
  failing: count('Intervals that could not be started and are tried again'),
  givenUp: count('Intervals that could not be started and are not tried again'),
})
export const Pipeline = z.object({
  name: z.string(),
  root: z.string().describe('The family of its root task'),
  description: z.string().nullable(),
  params: z.array(Parameter),
  schedule: Schedule.nullable(),
})
export const PipelineList = z.object({
  pipelines: z.array(Pipeline),
  broken: z
    .array(
      z.object({
        path: z.string(),
        message: z.string(),
        isWrong: z.literal(true).optional().describe('It did load, but a definition in it is wrong'),
      }),
    )
    .describe('Modules of which something cannot be used'),
})

export const IntervalQuery = z.strictObject({
  pipeline: z.string().describe('A pipeline with a schedule'),
  from: z
    .string()
    .describe("The first one: `2026-05-17`, `2026-05-17T10` or `2026-05-17T10:15`, in the schedule's zone"),
  to: z.string().describe('The last one, included as a whole'),
  params: params.default({}).describe('Parameters that go before those of the interval'),
  cursor: cursor.optional(),
  limit: limit.default(MAX_PAGE),
})
export const IntervalPage = z.object({
  all: z.int().nullable().describe('How many intervals the range has; null after the first page'),
  intervals: z
    .array(
      z.object({
        ...Interval.shape,
        name: z.string().describe('Start and end, in the zone of the schedule'),
        isComplete: z.boolean().describe('Everything that it would make is there'),
      }),
    )
    .describe('Oldest first'),
  next,
})

/* Limits */

export const Budget = z.object({
  budget: z.string(),
  limit: z.number(),
  per: z.enum(['minute', 'hour', 'day', 'week', 'month', 'year']).optional(),
  timeZone: z.string().optional(),
  spent: z.number(),
  reserved: z.number().describe('Held by attempts that run'),
  left: z.number(),
  windowEndsAt: instant('When its window turns').nullable(),
  blockedUntil: instant('Nothing of it may be used until then, as the API has asked').nullable(),
  waiting: count('How many tasks wait for it'),
  configured: z
    .object({ limit: z.number(), per: z.string().optional() })
    .optional()
    .describe('What the config says, where no engine has applied it yet'),
})
export const Pool = z.object({
  pool: z.string(),
  concurrency: z.number().nullable(),
  maxMemoryMb: z.number().nullable().describe('The most memory that an attempt gets, in MiB'),
  running: count('Tasks that run'),
  queued: count('Tasks that are queued'),
  waiting: count('Tasks that wait'),
})
export const Resource = z.object({
  resource: z.string(),
  limit: z.number(),
  held: z.number(),
  waiting: count('How many tasks wait for it'),
  configured: z.object({ limit: z.number() }).optional(),
})
export const Pools = z.object({ pools: z.array(Pool), resources: z.array(Resource) })
