import { z } from 'zod'
import { countField, cursor, instantField, limit, MAX_PAGE, next, params } from './fields.ts'
import { Interval } from './runs.ts'

/** A task of a plan, with what would be done about it and why. */
export const PlannedTask = z.object({
  task: z.string().describe('Unique in the plan: its label, or its id if labels are the same'),
  family: z.string(),
  params,
  requires: z.array(z.string()).optional().describe('`task` of its upstreams'),
  output: z.string().optional().describe('The URI of its target, if it has one'),
  complete: z.literal(true).optional(),
  label: z.string(),
  verdict: z.enum(['run', 'complete', 'awaited', 'fails']).describe('`awaited`: others make its target'),
  reason: z.string().describe('Why'),
})

/** What would run for a request, and why. */
export const PlanView = z
  .object({
    plan: z.literal(1).describe('Version of the plan format'),
    pipeline: z.string(),
    root: z.string().describe('`task` of the root'),
    tasks: z.array(PlannedTask),
    missingSecrets: z.array(z.string()).describe('A sentence for each secret that is needed and not set'),
  })
  .describe('What would run, and why')

/** A parameter of a pipeline. */
export const Parameter = z.object({
  name: z.string(),
  flag: z.string().describe('The flag of the command'),
  kind: z.string().describe('What its value is'),
  required: z.boolean(),
  significant: z.boolean().describe('It is a part of the identity of tasks'),
  schema: z
    .record(z.string(), z.unknown())
    .describe(
      'JSON Schema of what it takes: its default, its choices, its bounds; empty if it is a function of the project',
    ),
})

/** The schedule of a pipeline, and how it stands. */
export const Schedule = z.object({
  cron: z.string(),
  timeZone: z.string(),
  paused: z.boolean(),
  nextAt: instantField('When it fires next').nullable(),
  problem: z.string().nullable().describe('Why its next run could not start'),
  open: countField('Intervals that are not done'),
  failing: countField('Intervals that could not be started and are tried again'),
  givenUp: countField('Intervals that could not be started and are not tried again'),
})

/** A pipeline with its parameters and its schedule. */
export const Pipeline = z.object({
  name: z.string(),
  root: z.string().describe('The family of its root task'),
  description: z.string().nullable(),
  source: z.string().nullable().describe('The file that defines its root task, relative to the project'),
  params: z.array(Parameter),
  schedule: Schedule.nullable(),
})

/** All pipelines, and the modules of which something cannot be used. */
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

/** Which intervals of a schedule are listed. */
export const IntervalQuery = z.strictObject({
  pipeline: z.string().describe('A pipeline with a schedule'),
  from: z
    .string()
    .describe("The first one: `2026-05-17`, `2026-05-17T10` or `2026-05-17T10:15`, in the schedule's zone"),
  to: z.string().describe('The last one, included as a whole'),
  params: params.default({}).describe('Parameters that go before those of the interval'),
  cursor: cursor.optional(),
  limit: limit.default(MAX_PAGE),
  atMost: countField('A range of more intervals is refused').optional(),
})

/** A page of intervals, oldest first. */
export const IntervalPage = z.object({
  all: z.int().nullable().describe('How many intervals the range has; null after the first page'),
  intervals: z
    .array(
      z.object({
        ...Interval.shape,
        name: z.string().describe('Start and end, in the zone of the schedule'),
        isComplete: z.boolean().describe('Everything that it would make is there'),
        openRun: z.string().nullable().describe('The id of its open run'),
      }),
    )
    .describe('Oldest first'),
  next,
})
