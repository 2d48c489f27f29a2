import { z } from 'zod'
import { LOG_LEVELS } from '../../core/ports/looking.ts'
import {
  countField,
  cursor,
  durationField,
  instantField,
  limit,
  next,
  params,
  runName,
  taskName,
} from './fields.ts'
import { Actor, AttemptOutcome, Failure, Progress, TaskStatus } from './runs.ts'
import { where } from './selection.ts'

const Launch = z
  .object({
    job: z.string().optional().describe('The job as its service names it, such as the ARN of an ECS task'),
    claimedAt: instantField('Until then it was queued, or waited for a limit'),
    launchedAt: instantField('When its service has accepted the job').optional(),
    pullingAt: instantField('When the pull of its image began').optional(),
    startingAt: instantField('When the image was there').optional(),
    runningAt: instantField('When its program could begin').optional(),
  })
  .describe('How the job of an attempt was launched that runs elsewhere')

const Parts = z
  .object({
    queuedMs: durationField('It could begin, and waited for a worker').optional(),
    limitMs: durationField(
      'It waited for a limit, for the same task in another run, or for capacity',
    ).optional(),
    launchMs: durationField(
      'From its claim until its start began: it was prepared, or a service had to accept it and find a place',
    ).optional(),
    pullMs: durationField('Its image was pulled or built').optional(),
    startMs: durationField('Its process or container was started').optional(),
    runMs: durationField('It ran').optional(),
  })
  .describe('How long each part of an attempt took; one that is not known, or not over, is absent')

const Usage = z
  .object({ vcpuHours: z.number(), memoryGbHours: z.number(), storageGbHours: z.number() })
  .describe('What the job of a service has used, as the service bills it')

/** An attempt that did not succeed at once. */
export const Attempt = z
  .object({
    attempt: z.int().describe('Its number, from 1'),
    outcome: AttemptOutcome,
    startedAt: instantField('When its body started').optional(),
    endedAt: instantField('When it ended'),
    worker: z.string().optional().describe('The process that ran it'),
    code: z.string().optional().describe("Version of the pipelines' code, if a deployment knows one"),
    peakMemoryBytes: z.number().optional(),
    cpuSeconds: z.number().optional(),
    image: z.string().optional(),
    memoryMb: z.number().optional().describe('The memory that it was given, in MiB'),
    failure: Failure.optional(),
    launch: Launch.optional(),
    usage: Usage.optional(),
    parts: Parts,
    tail: z.string().optional().describe('The last lines of its log, 4 KB at most'),
  })
  .describe('An attempt that did not succeed at once')

/** A task of a run, with its attempts. */
export const Task = z
  .object({
    number: countField('Its number within the run'),
    task: z.string().describe('Its label; long parameters are cut'),
    id: z.string().describe('The same in every run: family and hash of the significant parameters'),
    family: z.string(),
    params,
    status: TaskStatus,
    attempt: countField('The attempt that is queued, running or was last; from 1'),
    startedAt: instantField('When the last attempt started').nullable(),
    endedAt: instantField('When it ended').nullable(),
    peakMemoryBytes: z.number().nullable(),
    cpuSeconds: z.number().nullable(),
    image: z.string().nullable().describe('Digest of the image of its container; null for others'),
    worker: z.string().nullable().describe('The process that ran the last attempt'),
    code: z.string().nullable().describe("Version of the pipelines' code that it ran with"),
    memoryMb: z.number().nullable().describe('The memory that an attempt is given, in MiB'),
    pool: z.string(),
    priority: z.number().describe('Higher goes first'),
    counts: z.partialRecord(AttemptOutcome, z.int()).describe('How many attempts ended by each cause'),
    waitingSince: instantField('Since when it has waited').nullable(),
    notBefore: instantField('Its next attempt starts at or after this instant').nullable(),
    waitsFor: z
      .string()
      .nullable()
      .describe(
        'The row it waits for, `target` for an external task, or `capacity` for a job that no service had a place for',
      ),
    cancelledAt: instantField('When it was cancelled alone, and not with its run').nullable(),
    cancelledBy: Actor.nullable().describe('Who cancelled it alone; null if it is not known'),
    markedAt: instantField('When a person counted it as succeeded').nullable(),
    markedBy: Actor.nullable().describe('Who counted it as succeeded; null if it is not known'),
    progress: Progress.nullable(),
    failure: Failure.nullable(),
    launch: Launch.nullable(),
    usage: Usage.nullable(),
    parts: Parts,
    outputs: z.array(z.string()).describe('URIs of its targets'),
    result: z.json().describe('What the body of a task without an output returned'),
    attempts: z.array(Attempt),
  })
  .describe('A task of a run')

/** Which tasks of a run are listed. */
export const TaskQuery = z.strictObject({
  run: runName,
  task: taskName.optional().describe('Only tasks with this number, family or label; none is an error'),
  statuses: z.array(TaskStatus).optional().describe('Only tasks in one of these'),
  text: z.string().optional().describe('Only tasks whose label contains this text'),
  where: where
    .optional()
    .describe('Only tasks of this selection; it goes without `task`, `statuses` and `text`'),
  cursor: cursor.optional(),
  limit,
})

/** A page of tasks, by number. */
export const TaskPage = z.object({ tasks: z.array(Task).describe('By number'), next })

/** One thing that holds a task back, and until when if it ends by itself. */
export const Reason = z.object({
  text: z.string(),
  until: instantField('When it ends by itself').optional(),
})

/** Names one task of a run. */
export const TaskRef = z.strictObject({ run: runName, task: taskName })

/** Why a task does not run now: all hindrances, the first one first. */
export const Why = z
  .object({
    run: z.string(),
    task: z.string().describe('Its label'),
    status: TaskStatus,
    waitingSince: instantField('Since when it has waited').nullable(),
    unattendedSince: instantField('Since when no process has worked on the run').nullable(),
    reasons: z.array(Reason).describe('The first hindrance first'),
  })
  .describe('Why a task does not run now')

/** What the tasks of a run wait for that do not only wait for other tasks of the run. */
export const Waits = z
  .object({
    waits: z.array(z.object({ task: z.string(), number: z.int(), reasons: z.array(Reason) })),
    more: countField('How many further tasks wait'),
  })
  .describe('What the tasks of a run wait for that do not only wait for others of the run')

const LogLevel = z.enum(LOG_LEVELS)

/** Which lines of a run are read. */
export const LogQuery = z.strictObject({
  run: runName,
  task: taskName.optional(),
  attempt: z.int().min(1).optional().describe('Only lines of this attempt'),
  follow: z.boolean().default(false).describe('An attempt that has not begun yet is no error'),
  text: z
    .string()
    .min(1)
    .max(1_000)
    .optional()
    .describe(
      'Only lines that contain this text, as it is: no sign has a meaning; upper and lower case are the same; colours are left out. A page looks through a part of the log, so it may have no line though `isMore` is true',
    ),
  level: LogLevel.optional().describe('Only lines of this level and above; searched as `text` is'),
  cursor: cursor.optional().describe('Only lines that the pages before did not have'),
  limit: z
    .int()
    .min(1)
    .optional()
    .describe('The page ends after about so many lines; absent: as many as the reader gives at once'),
})

/** A line of the log of an attempt. */
export const LogLine = z.object({
  at: instantField('When it was written'),
  level: LogLevel,
  text: z.string(),
  task: z.string().describe('The label of its task'),
  number: z.int().describe('The number of its task'),
  attempt: z.int(),
  line: z
    .int()
    .optional()
    .describe('Its number among the lines that are kept of its attempt, from 1; a deployment has no numbers'),
  around: z
    .string()
    .optional()
    .describe(
      'With a search: the cursor from which a page without `text` and `level`, of the same task and attempt, has this line and those before it; only where lines have numbers',
    ),
})

/** A page of lines in order of time; its cursor goes on, also after the last line. */
export const LogPage = z.object({
  run: z.string().describe('The id of the run'),
  lines: z.array(LogLine).describe('In order of time; a line may come again on the next page'),
  next: z.string().describe('The cursor that goes on, also after the last line'),
  isMore: z
    .boolean()
    .describe('The page is not the last one: more lines are there, or are to be looked through'),
  looked: countField('How many lines the page looked through; of those that a log service gave'),
  isOpen: z.boolean().describe('The run is open, so more lines may come'),
  hasBegun: z.boolean().describe('One of the tasks has begun'),
  isSingle: z.boolean().describe('The run has one task alone'),
  lookAgainMs: durationField('When to ask for the next page while the run is open'),
})
