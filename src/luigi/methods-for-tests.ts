import { z } from 'zod'
import { ARGUMENTS } from './arguments.ts'
import { defineMethod, type Method } from './method.ts'
import { LUIGI_DEFAULTS, type SchedulerConfig } from './scheduler/config.ts'
import { queueMessage } from './scheduler/messages.ts'
import { keepRecentFailures } from './scheduler/set-status.ts'

const { rpcMessage, task } = ARGUMENTS

const settings = Object.fromEntries(
  Object.entries(LUIGI_DEFAULTS).map(([name, value]) => [
    name,
    typeof value === 'number' ? z.number().default(value) : z.boolean().default(value),
  ]),
)

/** What a test sets the scheduler back to: Luigi's defaults with these settings, and exactly these resources. */
export const TestReset = z.object({
  config: z
    .object(settings)
    .default({})
    .transform((config) => ({ ...LUIGI_DEFAULTS, ...config }) satisfies SchedulerConfig),
  resources: z.record(z.string(), z.number()).default({}),
})

/** Calls by which tests of the protocol look into the state. They are served only where that is switched on. */
export const TEST_METHODS: { readonly [name: string]: Method } = {
  add_rpc_message: defineMethod(rpcMessage, (state, { worker, name, kwargs }, { now }) => {
    queueMessage(state, worker, { name, kwargs }, now)
    return {}
  }),
  task_failures: defineMethod(task, (state, { task_id }, { now }) => {
    const found = state.task(task_id)
    if (found === undefined) return { num_failures: 0, recorded: 0 }
    return { num_failures: keepRecentFailures(found, now).length, recorded: found.failures.length }
  }),
}
