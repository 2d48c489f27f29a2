import { z } from 'zod'
import type { Home } from '../../../control/home.ts'
import { type PlannableRequest, planOpeningRun } from '../../../control/requests.ts'
import { SluiceError } from '../../../core/errors.ts'
import { keys } from '../../../core/keys.ts'
import { makeActor } from '../../../core/records/actor.ts'
import { isRunOpen } from '../../../core/records/status.ts'
import { cancelRun } from '../../../engine/cancel.ts'
import { failRunPlanning, joinOrOpenRun } from '../../../engine/open-run.ts'
import type { Project } from '../../../project/load-config.ts'
import { type Answers, answerExecutions, parseExecutionId, removeExecution } from './answer.ts'
import { readStartOrder } from './read-order.ts'
import { ORDER, ORDER_FIELD } from './start-run.ts'

/** What the state machine hands over: who it is, and what it was started with. */
export const PLAN_EVENT = z.object({
  token: z.string(),
  execution: z.string(),
  name: z.string(),
  /** The pipeline; absent for the machine of task families. */
  pipeline: z.string().optional(),
  input: z.unknown(),
})

/**
 * Opens or joins the run of an execution's input, plans it, and notes who waits for its end. What is wrong with the
 * input or the plan ends the execution with that as its cause.
 */
export function makePlanHandler(home: Home, project: Project, answers: Answers) {
  return async (event: unknown): Promise<void> => {
    const { token, execution, name, pipeline, input } = PLAN_EVENT.parse(event)
    try {
      const asked = await readInput(home, project, pipeline, input)
      // An execution that Sluice has started is named like the run that it was opened for, which says who asked for it. What
      // stands in an input anybody may have typed, so another run is started by its execution.
      const by = makeActor('execution', parseExecutionId(execution))
      const { run } = await joinOrOpenRun(
        home.context,
        { ...asked.request, by },
        () => planOpeningRun(home, asked),
        name,
      )
      await attach(home, answers, { run, arn: execution, token })
    } catch (error) {
      if (!(error instanceof SluiceError) || error.source !== 'user') throw error
      await failRunPlanning(home.context, name, error.message)
      await answers.fail(token, error.code, [error.message, error.hint ?? ''].filter(Boolean).join('\n'))
    }
  }
}

/** What an execution's input asks for: parameters, and what Sluice added if it started the execution itself. */
async function readInput(
  home: Home,
  project: Project,
  pipeline: string | undefined,
  input: unknown,
): Promise<PlannableRequest> {
  const given = z.record(z.string(), z.json()).safeParse(input)
  if (!given.success)
    throw new SluiceError('invalid_parameter', 'The input of an execution is an object of parameters.', {
      hint: 'For example {"date": "2026-01-31"}, or {} if the pipeline takes none.',
    })
  const { [ORDER_FIELD]: told, ...params } = given.data
  const order = ORDER.safeParse(told ?? {})
  if (!order.success)
    throw new SluiceError('invalid_parameter', `${ORDER_FIELD} is wrong: ${z.prettifyError(order.error)}`)
  const name = order.data.name ?? pipeline ?? ''
  return (await readStartOrder(home, project, { name, params, order: order.data })).asked
}

interface ShownExecution {
  run: string
  arn: string
  token: string
}

/** Notes the execution with its run; answers at once if the run has ended meanwhile. */
async function attach(home: Home, answers: Answers, { run: id, arn, token }: ShownExecution): Promise<void> {
  const { store } = home.context.ports
  const execution = parseExecutionId(arn)
  const result = await store.write([
    // One that was stopped before it had a run does not show one any more.
    {
      key: keys.execution(execution),
      set: { kind: 'execution', run: id, arn, token },
      if: { stoppedAt: undefined },
    },
    { key: keys.showing(id, execution), put: { kind: 'showing' } },
  ])
  const [run] = await store.read([keys.run(id)])
  if (run === undefined) return
  if (!result.ok) {
    await removeExecution(store, id, execution)
    const others = await store.list({ prefix: keys.showings(id), consistency: 'strong' })
    if (others.length === 0) await cancelRun(home.context, run, makeActor('execution', execution))
  } else if (!isRunOpen(run.status)) await answerExecutions(home, answers, run)
}
