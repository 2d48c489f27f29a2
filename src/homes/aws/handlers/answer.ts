import { countTasks } from '../../../control/count-tasks.ts'
import { type FoundTask, findMatchingTasks } from '../../../control/find-tasks.ts'
import type { Home } from '../../../control/home.ts'
import { keys } from '../../../core/keys.ts'
import { EXECUTION_ERRORS } from '../../../core/names.ts'
import type { Store } from '../../../core/ports/deciding.ts'
import type { Run } from '../../../core/records/run.ts'
import type { TaskStatus } from '../../../core/records/status.ts'

/** How executions are told of the end of their run. */
export interface Answers {
  succeed(token: string, output: unknown): Promise<void>
  fail(token: string, error: string, cause: string): Promise<void>
}

/** Failed tasks that a summary names. */
const NAMED = 20

/** Tells every execution that shows a run how it ended. May be done again: one that was answered stays so. */
export async function answerExecutions(home: Home, answers: Answers, run: Run): Promise<void> {
  const { store } = home.context.ports
  const shown = await store.list({ prefix: keys.showings(run.id), consistency: 'strong' })
  if (shown.length === 0) return
  const ids = shown.map(({ key }) => key.slice(keys.showings(run.id).length))
  const executions = await store.read(ids.map(keys.execution))
  const summary = await readExecutionSummary(home, run)
  for (const [index, id] of ids.entries()) {
    const token = executions[index]?.token
    if (token !== undefined) await answerExecution(answers, token, run, summary)
    await removeExecution(store, run.id, id)
  }
}

/** By what an execution is known: `machine:name`, the end of its ARN; another machine may have one of the same name. */
export const parseExecutionId = (arn: string): string => arn.split(':').slice(-2).join(':')

/** Forgets an execution that waits for nothing any more. */
export async function removeExecution(store: Store, run: string, id: string): Promise<void> {
  await store.write([
    { key: keys.execution(id), remove: true },
    { key: keys.showing(run, id), remove: true },
  ])
}

async function answerExecution(answers: Answers, token: string, run: Run, summary: Summary): Promise<void> {
  if (run.status === 'succeeded') await answers.succeed(token, summary)
  else
    await answers.fail(
      token,
      EXECUTION_ERRORS[run.status === 'cancelled' ? 'cancelled' : 'failed'],
      describeCause(summary),
    )
}

/** What an execution's output says of its run. */
interface Summary {
  run: string
  status: Run['status']
  tookSeconds: number
  tasks: Partial<Record<TaskStatus, number>>
  failed: { task: string; message: string }[]
}

async function readExecutionSummary(home: Home, run: Run): Promise<Summary> {
  const failed: FoundTask[] = []
  for await (const task of findMatchingTasks(home, run, { statuses: ['failed'] }))
    if (failed.push(task) === NAMED) break
  return {
    run: run.id,
    status: run.status,
    tookSeconds: ((run.endedAt ?? run.createdAt) - run.createdAt) / 1000,
    tasks: await countTasks(home, run),
    failed: [
      ...(run.failure === undefined ? [] : [{ task: run.name, message: run.failure.message }]),
      ...failed.map(({ task, planned }) => ({ task: planned.label, message: task.failure?.message ?? '' })),
    ],
  }
}

function describeCause({ run, status, tasks, failed }: Summary): string {
  const counts = Object.entries(tasks).map(([name, count]) => `${count} ${name}`)
  return [
    `${run} ${status}: ${counts.join(', ')}`,
    ...failed.map(({ task, message }) => `${task}: ${message}`),
  ].join('\n')
}
