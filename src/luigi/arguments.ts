import { z } from 'zod'
import type { Json } from '../core/json.ts'
import { TASK_STATUSES } from './scheduler/task.ts'

/** Any value of JSON: it was read from JSON. */
const anything = z.custom<Json>((value) => value !== undefined)
const id = z.string()
/** Python's None and an argument that is left out mean the same. */
const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? null)
const flag = (otherwise: boolean) =>
  z
    .boolean()
    .nullish()
    .transform((value) => value ?? otherwise)
const textOr = (otherwise: string) =>
  z
    .string()
    .nullish()
    .transform((value) => value ?? otherwise)
/** Objects are taken as they are: a copy would lose a name such as `__proto__`. */
const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const values = z.custom<Readonly<Record<string, Json>>>(isObject, 'expected an object')
const amounts = z.custom<Readonly<Record<string, number>>>(
  (value) => isObject(value) && Object.values(value).every((each) => typeof each === 'number'),
  'expected an object of numbers',
)
const ids = z.array(id)
const policy = z.object({
  retry_count: optional(z.number()),
  disable_hard_timeout: optional(z.number()),
  disable_window: optional(z.number()),
})

/** What the methods of the protocol take, by the names that the client sends. Names that are not known are ignored. */
export const ARGUMENTS = {
  addTask: z.object({
    task_id: id,
    worker: id,
    // A client's word for a task that waits for others; the scheduler keeps it as pending.
    status: z.enum([...TASK_STATUSES, 'SUSPENDED']).default('PENDING'),
    runnable: z.boolean().nullable().default(true),
    deps: optional(ids),
    new_deps: optional(ids),
    expl: optional(z.string()),
    resources: optional(amounts),
    priority: z.number().nullable().default(0),
    family: textOr(''),
    module: optional(z.string()),
    params: optional(values),
    param_visibilities: optional(amounts),
    accepts_messages: optional(z.boolean()),
    assistant: flag(false),
    tracking_url: optional(z.string()),
    batchable: optional(z.boolean()),
    batch_id: optional(id),
    retry_policy_dict: optional(policy),
  }),
  getWork: z.object({ worker: id, assistant: flag(false), current_tasks: optional(ids) }),
  worker: z.object({ worker: id }),
  addWorker: z.object({ worker: id, info: z.union([z.array(z.tuple([z.string(), anything])), values]) }),
  batcher: z.object({
    worker: id,
    task_family: z.string(),
    batched_args: ids,
    max_batch_size: z.number().nullable().default(Number.MAX_VALUE),
  }),
  task: z.object({ task_id: id }),
  statusMessage: z.object({ task_id: id, status_message: anything }),
  progress: z.object({ task_id: id, progress_percentage: anything }),
  decrease: z.object({ task_id: id, decrease_resources: amounts }),
  response: z.object({ task_id: id, message_id: id, response: anything }),
  messageOf: z.object({ task_id: id, message_id: id }),
  processes: z.object({ worker: id, n: z.int() }),
  message: z.object({ worker: id, task: id, content: anything }),
  graph: z.object({ task_id: id, include_done: flag(true) }),
  list: z.object({
    status: z
      .enum([...TASK_STATUSES, ''])
      .nullish()
      .transform((status) => status || undefined),
    upstream_status: textOr(''),
    limit: flag(true),
    search: optional(z.string()),
    max_shown_tasks: optional(z.number()),
  }),
  workers: z.object({ include_running: flag(true) }),
  search: z.object({ task_str: z.string() }),
  totals: amounts,
  total: z.object({ resource: z.string(), amount: anything }),
  none: z.object({}),
  rpcMessage: z.object({ worker: id, name: z.string(), kwargs: values.default({}) }),
} as const
