import type { Control, RunPage, RunShape, TaskShape } from '../control/control.ts'
import { MAX_PAGE } from '../control/schemas.ts'
import type { Summary } from './render/summary.ts'

type TaskQuery = Parameters<Control['tasks']>[0]
type RunQuery = NonNullable<Parameters<Control['runs']>[0]>

/** All tasks of a run that a filter finds. */
export async function readAllTasks(control: Control, query: TaskQuery): Promise<TaskShape[]> {
  const tasks: TaskShape[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await control.tasks({ ...query, limit: MAX_PAGE, cursor })
    tasks.push(...page.tasks)
    if (page.next === null) return tasks
    cursor = page.next
  }
}

/** What a summary of a run is made from. */
export async function readRunSummary(control: Control, run: string): Promise<Summary> {
  const detail = await control.run({ run })
  const ofStatus = (status: 'failed' | 'upstream_failed') =>
    detail.counts[status] ? readAllTasks(control, { run: detail.run, statuses: [status] }) : []
  return { run: detail, failed: await ofStatus('failed'), blocked: await ofStatus('upstream_failed') }
}

/** The newest runs that a filter finds, so many at most. */
export async function readNewestRuns(control: Control, query: RunQuery, most: number): Promise<RunPage> {
  let page = await control.runs({ ...query, limit: Math.min(most, MAX_PAGE) })
  const runs: RunShape[] = page.runs
  while (page.next !== null && runs.length < most) {
    page = await control.runs({ ...query, limit: Math.min(most - runs.length, MAX_PAGE), cursor: page.next })
    runs.push(...page.runs)
  }
  return { ...page, runs }
}
