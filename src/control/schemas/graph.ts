import { z } from 'zod'
import { countField, cursor, instantField, limit, next, runName, taskName } from './fields.ts'
import { Counts, Run, TaskStatus } from './runs.ts'

/** The most tasks that one look at a graph or timeline returns. */
const MAX_LOOK = 1_000

const lookLimit = (length: number, what: string) =>
  z.int().min(1).max(MAX_LOOK).default(length).describe(what)

const number = z.int().min(0).describe('The number of a task')

/** A family of a run: its tasks by status, and when they ran. */
export const GraphFamily = z.object({
  family: z.string(),
  tasks: countField('How many tasks of the run are of it'),
  counts: Counts,
  startedAt: instantField('When its first attempt began').nullable(),
  endedAt: instantField('When its last attempt ended').nullable(),
  ran: countField('How many of its tasks ran and ended'),
  ranMs: z.number().min(0).describe('How long these took together; milliseconds'),
})

/** The graph of a run, with one node for each family. */
export const RunGraph = z
  .object({
    run: z.string().describe('The id of the run'),
    families: z.array(GraphFamily).describe('In the order in which the plan names them, 2,000 at most'),
    edges: z
      .array(
        z.object({
          from: z.int().min(0).describe('Index of the family that is needed'),
          to: z.int().min(0).describe('Index of the family that needs it'),
          count: countField('How many dependencies between tasks it stands for'),
        }),
      )
      .describe('20,000 at most'),
    more: z
      .object({ families: z.int().min(0), edges: z.int().min(0) })
      .describe('How many further ones there are'),
  })
  .describe('The graph of a run, with one node for each family')

/** Which tasks of a graph are shown. */
export const GraphTasksQuery = z.strictObject({
  run: runName,
  family: z.string().optional().describe('Only tasks of this family'),
  cursor: cursor.optional(),
  limit: lookLimit(100, 'How many tasks the window has at most'),
})

/** Which upstreams and dependents of a task are shown. */
export const ConeQuery = z.strictObject({
  run: runName,
  task: taskName,
  limit: lookLimit(100, 'How many upstreams, and how many dependents, are shown at most: the nearest ones'),
})

/** A task as graphs and timelines have it. */
export const GraphTask = z.object({
  number,
  task: z.string().describe('Its label'),
  family: z.string(),
  status: TaskStatus,
  startedAt: instantField('When its last attempt began').nullable(),
  endedAt: instantField('When it ended').nullable(),
})

const side = z.enum(['upstream', 'dependent'])

/** Tasks of a graph with the edges between them, and what they are connected with outside of the window. */
const GraphWindow = z.object({
  tasks: z.array(GraphTask),
  edges: z
    .array(z.object({ from: number, to: number }))
    .describe('From the task that is needed to the one that needs it; 10,000 at most'),
  moreEdges: countField('How many further edges are between these tasks'),
  outside: z
    .array(
      z.object({
        number,
        side,
        family: z.string(),
        tasks: countField('How many direct upstreams or dependents of this family are not shown'),
      }),
    )
    .describe('What is connected with a task and not shown'),
})

/** A window of the tasks of a graph. */
export const GraphTasks = z
  .object({ ...GraphWindow.shape, all: countField('How many tasks the filter finds'), next })
  .describe('A window of the tasks of a graph')

/** What a task needs and what needs it, the nearest first. */
export const Cone = z
  .object({
    ...GraphWindow.shape,
    number: number.describe('The number of the task in the middle'),
    upstreams: countField('How many tasks it needs in all, directly or not'),
    dependents: countField('How many tasks need it in all, directly or not'),
    cut: z
      .array(z.object({ side, family: z.string(), tasks: z.int().min(1) }))
      .describe('How many of these are not shown, by family'),
  })
  .describe('What a task needs and what needs it, the nearest first')

/** Which part of the time of a run is shown. */
export const TimelineQuery = z.strictObject({
  run: runName,
  from: instantField('Only what ran at or after this instant').optional(),
  to: instantField('Only what ran at or before this instant').optional(),
  family: z.string().optional().describe('Only tasks of this family'),
  cursor: cursor.optional(),
  limit: lookLimit(500, 'How many tasks the window has at most'),
})

/** Tasks that ran within a span, by their start, and how many ran at once. */
export const Timeline = z
  .object({
    startedAt: instantField('When the first attempt of the run began').nullable(),
    endedAt: instantField('When the last attempt ended, or now while the run is open').nullable(),
    tasks: z.array(GraphTask).describe('By their start'),
    found: countField('How many tasks ran within the span'),
    next,
    load: z
      .object({
        stepMs: z.number().min(0).describe('How long each step is; milliseconds'),
        running: z.array(z.int().min(0)).describe('How many tasks ran in each step, from `startedAt` on'),
      })
      .describe('How many tasks of the run ran at once, over its whole time'),
  })
  .describe('Tasks that ran within a span of time')

/** Of which pipeline the history is shown. */
export const HistoryQuery = z.strictObject({
  pipeline: z.string().describe('A pipeline or task family'),
  cursor: cursor.optional(),
  limit,
})

const { run, status, createdAt, endedAt, interval } = Run.shape
const { family, counts, ran, ranMs } = GraphFamily.shape

/** The last runs of a pipeline with their families. */
export const History = z
  .object({
    runs: z
      .array(
        z.object({
          run,
          status,
          createdAt,
          endedAt,
          interval,
          families: z.array(z.object({ family, counts, ran, ranMs })).describe('100 at most'),
          moreFamilies: countField('How many further families it has'),
        }),
      )
      .describe('The newest first; a page ends early after runs with 20,000 tasks'),
    found: countField('How many runs the pipeline has'),
    next,
  })
  .describe('The last runs of a pipeline, with the tasks of each family by status')
