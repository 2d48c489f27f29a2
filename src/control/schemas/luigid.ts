import { z } from 'zod'
import { TASK_STATUSES } from '../../luigi/scheduler/task.ts'
import { countField, cursor, instantField, limit, next, params } from './fields.ts'
import { Reason } from './tasks.ts'

/** The status of a task of Luigi's scheduler, in its own words. */
export const LuigidStatus = z.enum(TASK_STATUSES)

const amounts = z.record(z.string(), z.number()).describe('Amounts of resources by name')

/** Luigi's central scheduler of a state. */
export const Luigid = z
  .object({
    scheduler: z
      .object({
        paused: z.boolean().describe('It hands out no task'),
        counts: z.partialRecord(LuigidStatus, z.int()).describe('How many tasks have each status'),
        workers: countField('Workers that it has heard of lately'),
        resources: z
          .array(z.object({ resource: z.string(), limit: z.number(), held: z.number() }))
          .describe('Resources that have a total, 1,000 at most'),
      })
      .nullable()
      .describe('Null if none has worked on this state'),
  })
  .describe("Luigi's central scheduler of a state")

/** A worker of Luigi: a process of the command `luigi`. */
export const LuigidWorker = z
  .object({
    worker: z.string().describe('Its id'),
    host: z.string().nullable().describe('The machine on which it says that it runs'),
    processes: z.number().describe('How many tasks it runs at once, as it says'),
    firstTask: z.string().nullable().describe('The task that it was started for'),
    isAssistant: z.boolean().describe('It runs tasks that other workers have added'),
    isDisabled: z.boolean().describe('It gets no task any more'),
    startedAt: instantField('When it was first heard of'),
    lastActiveAt: instantField('When it was last heard of'),
    running: countField('Tasks that it runs'),
    pending: countField('Tasks that it can run and that are pending or failed'),
  })
  .describe('A worker of Luigi')

/** Which workers are listed. */
export const LuigidWorkerQuery = z.strictObject({ cursor: cursor.optional(), limit })

/** A page of workers. */
export const LuigidWorkerPage = z.object({ workers: z.array(LuigidWorker), next })

/** A task of Luigi's scheduler. */
export const LuigidTask = z
  .object({
    id: z.string().describe('Its id'),
    task: z.string().describe('Its family with its public parameters'),
    family: z.string(),
    status: LuigidStatus,
    upstream: z
      .string()
      .nullable()
      .describe('Of a pending task: the worst that is upstream of it, such as UPSTREAM_FAILED'),
    priority: z.number().describe('Higher goes first'),
    worker: z.string().nullable().describe('The worker that runs it, or ran it last'),
    addedAt: instantField('When it was added'),
    updatedAt: instantField('When its status last changed'),
    startedAt: instantField('When its last run began').nullable(),
    message: z.string().nullable().describe('What it says of its progress'),
    progress: z.number().nullable().describe('Its progress in percent'),
    trackingUrl: z.string().nullable().describe('A page that shows its progress, as it says'),
    resources: amounts,
  })
  .describe("A task of Luigi's scheduler")

/** Which tasks of the scheduler are listed. */
export const LuigidTaskQuery = z.strictObject({
  statuses: z.array(LuigidStatus).optional().describe('Only tasks in one of these statuses'),
  text: z.string().optional().describe('Only tasks whose name contains all of these words'),
  cursor: cursor.optional(),
  limit,
})

/** A page of tasks of the scheduler. */
export const LuigidTaskPage = z.object({
  tasks: z.array(LuigidTask),
  found: countField('How many tasks the filter finds in all'),
  next,
})

/** Names a task of the scheduler. */
export const LuigidTaskRef = z.strictObject({
  task: z.string().describe('A task: its id, its family, or its name `Family(name=value, …)`'),
})

/** A task of the scheduler in full. */
export const LuigidTaskDetail = LuigidTask.extend({
  module: z.string().nullable().describe('Its module of Python'),
  params,
  workers: z.array(z.string()).describe('Workers that can run it, 100 at most'),
  reasons: z.array(Reason).describe('Why it does not run now'),
  error: z.string().nullable().describe('Why it failed, as its worker has said'),
  dependencies: z
    .array(z.object({ id: z.string(), task: z.string(), status: LuigidStatus }))
    .describe('What it depends on, 100 at most'),
  moreDependencies: countField('How many further tasks it depends on'),
  history: z
    .array(z.object({ at: instantField('When'), status: LuigidStatus, worker: z.string().nullable() }))
    .describe('Its last changes of status, 20 at most, the newest first'),
}).describe("A task of Luigi's scheduler in full")
