import { z } from 'zod'
import type { Home } from '../../../control/home.ts'
import type { OpenOrder } from '../../../control/parts.ts'
import type { PlannableRequest } from '../../../control/requests.ts'
import { keys } from '../../../core/keys.ts'
import { TASKS_MACHINE } from '../../../core/names.ts'
import { joinOrReserveRun } from '../../../engine/open-run.ts'

/** What starting an execution needs of Step Functions. */
export interface Starter {
  start(machine: string, name: string, input: unknown): Promise<boolean>
}

/** What an execution's input says beside parameters, if Sluice itself has started it. */
export const ORDER = z.strictObject({
  /** The task family, if no pipeline was asked for. */
  name: z.string().optional(),
  /** The interval that the run is for, as instants. */
  interval: z.strictObject({ start: z.number(), end: z.number() }).optional(),
  /** The parameters have been parsed: a schema may change them, so it must not see them twice. */
  parsed: z.literal(true).optional(),
  /** What is to run again though it is complete: the root, or a task and what is downstream of it. */
  force: z.union([z.literal(true), z.string()]).optional(),
  /** The run that it follows, perhaps only for one of its tasks or a selection of them, and which tasks count as complete. */
  again: z
    .strictObject({
      run: z.string(),
      task: z.number().optional(),
      where: z.string().optional(),
      done: z.union([z.array(z.string()), z.strictObject({ where: z.string() })]).optional(),
    })
    .optional(),
})

/** The part of an input that no parameter can be called by. */
export const ORDER_FIELD = '$sluice'

/** What an execution is started with. */
export interface Order {
  asked: PlannableRequest
  /** The pipeline of the state machine; absent for a task family. */
  pipeline?: string
  order: Omit<OpenOrder, 'pipeline'>
}

/**
 * Joins the open run of a request, or opens the next one and starts the execution that plans it. The execution is named
 * like the run, so a start that was cut off is made up for by the next one.
 */
export async function joinOrStartExecution(
  home: Home,
  starter: Starter,
  machines: string,
  { asked, pipeline, order }: Order,
): Promise<{ run: string; opened: boolean }> {
  const started = await joinOrReserveRun(home.context, asked.request)
  const [run] = await home.context.ports.store.read([keys.run(started.run)])
  if (run?.status === 'planning') {
    const { name, params } = asked.request
    const told = { ...order, parsed: true, ...(pipeline === undefined ? { name } : {}) }
    const input = { ...params, [ORDER_FIELD]: told }
    await starter.start(`${machines}${pipeline ?? TASKS_MACHINE}`, started.run, input)
  }
  return started
}
