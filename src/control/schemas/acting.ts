import { z } from 'zod'
import { countField, durationField, params, runName, taskName } from './fields.ts'
import { Interval, RunStatus } from './runs.ts'

/** Asks for a run of a pipeline or a task family. */
export const StartRequest = z.strictObject({
  name: z.string().describe('A pipeline or a task family'),
  params: params.default({}).describe('Parameters by name; what is absent has its default'),
  texts: z
    .record(z.string(), z.string())
    .optional()
    .describe(
      'Parameters as texts, which are read as `-p name=value` of the command; none may be in `params` too',
    ),
  force: z
    .union([z.literal(true), z.string()])
    .optional()
    .describe('Runs the root (`true`), or this task and what is downstream of it, though it is complete'),
  interval: Interval.optional().describe("Has the pipeline's parameters made from this interval"),
})

/** Asks for a run of a plan that was made elsewhere. */
export const PlanText = z
  .strictObject({
    plan: z.string().describe('A plan in the plan format, version 1'),
    folder: z.string().describe('The folder of this machine in which its commands run'),
  })
  .describe('A plan that was made elsewhere')

/** The run that was opened or joined. */
export const Opened = z.object({
  run: z.string().describe('The id of the run'),
  opened: z.boolean().describe('False: the request had an open run, which was joined'),
})

/** The answer when everything is complete, so no run was opened. */
export const AllComplete = z.object({
  status: z.literal('complete').describe('Everything is complete, so no run was opened'),
  task: z.string().describe('The label of the root'),
})

/** What starting a run answers. */
export const Started = z.union([Opened, AllComplete])

/** The answer to an operation that has to be confirmed first: nothing was changed. */
export const Unconfirmed = z.object({
  status: z.literal('unconfirmed').describe('Nothing was changed: ask, then send the same with `confirmed`'),
  affected: countField('How many tasks would be stopped, or runs forgotten'),
  all: countField('Of how many'),
})

/** Asks for the next run of a request. */
export const RetryRequest = z.strictObject({
  run: runName,
  task: taskName.optional().describe('Makes only this task complete'),
  confirmed: z
    .boolean()
    .default(false)
    .describe('Tasks that still run may be stopped, if the run is open and something in it has failed'),
})

/** The answer while bodies of the run that is being cancelled still run. */
export const Stopping = z.object({
  run: z.string().describe('The open run that is being cancelled'),
  status: z.literal('running').describe('Bodies of it have not stopped yet: send the same again'),
})

/** What a retry answers. */
export const Retried = z.union([Opened, AllComplete, Unconfirmed, Stopping])

/** The run that was cancelled, or that still is being cancelled. */
export const Cancelled = z.object({
  run: z.string(),
  status: RunStatus.describe('`cancelled`, or `running` while bodies have not stopped yet'),
})

/** The task that counts as succeeded now. */
export const Marked = z.object({
  run: z.string(),
  task: z.string().describe('Its label'),
  status: z.literal('succeeded'),
})

/** What marking a task answers: the task, or the run that was opened to go on from it. */
export const MarkResult = z.union([Marked, Opened, AllComplete])

/** Names a pipeline with a schedule. */
export const PipelineRef = z.strictObject({ pipeline: z.string().describe('A pipeline with a schedule') })

/** Whether the schedule of a pipeline is paused now. */
export const Paused = z.object({ pipeline: z.string(), paused: z.boolean() })

/** Asks to forget runs that ended long ago. */
export const PruneRequest = z.strictObject({
  olderThanMs: durationField('Runs that ended longer ago than this are forgotten'),
  confirmed: z.boolean().default(false).describe('It may be more than half of all runs'),
})

/** Which runs were forgotten, and what that freed. */
export const Pruned = z.object({
  pruned: z.array(z.string()).describe('Ids of the runs that were forgotten'),
  unpublished: countField('Files of attempts that died, removed from beside targets').optional(),
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

/** What pruning answers. */
export const PruneResult = z.union([Pruned, Unconfirmed])

/** A secret with its value, to be kept. */
export const SecretValue = z.strictObject({ name: z.string(), value: z.string().min(1) })

/** Names a secret. */
export const SecretRef = z.strictObject({ name: z.string() })

/** A secret of the list; its value is never sent. */
export const Secret = z.object({
  name: z.string(),
  variable: z.string().describe('The environment variable that goes before the kept value'),
})

/** The secret that was kept or removed. */
export const SecretName = z.object({ name: z.string() })

/** Asks a deployment for a shell. */
export const ShellRequest = z.strictObject({
  run: runName,
  task: taskName,
  token: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,50}$/, 'must be 1 to 50 letters, digits or hyphens')
    .describe('Chosen by the caller: the same token opens no second shell'),
})

/** A shell that starts: an ECS task that the caller enters by `ecs:ExecuteCommand`, as the caller may. */
export const OpenedShell = z.object({
  run: z.string(),
  task: z.string().describe('Its label'),
  shell: z.string().describe('Id of the ECS task, in the cluster of the deployment'),
  image: z.string().nullable().describe('Digest of the image in which the task has run, if it is known'),
  argv: z
    .array(z.string())
    .nullable()
    .describe('What the task runs, after an entry point of the image; null: what the image starts by itself'),
  limitMs: durationField('It ends by itself so long after its start'),
})

/** Names a shell. */
export const ShellRef = z.strictObject({
  shell: z
    .string()
    .regex(/^[0-9a-f-]{32,36}$/, 'must be the id of a shell')
    .describe('Id of its ECS task'),
})

/** The shell that is being ended. */
export const EndedShell = z.object({ shell: z.string() })
