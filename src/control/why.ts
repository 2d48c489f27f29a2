import type { Run } from '../core/records/run.ts'
import { explainWaitingTask } from '../engine/why.ts'
import { findUnattendedSince } from './attendance.ts'
import type { Waits, Why } from './control.ts'
import { type FoundTask, findMatchingTasks, findTask } from './find-tasks.ts'
import type { Home } from './home.ts'

/** Why a task of a run does not run now. */
export async function explainTaskReasons(home: Home, run: Run, wanted: string): Promise<Why> {
  const { task, planned } = await findTask(home, run, wanted)
  const since = await findUnattendedSince(home, run)
  const isCutOff = task.status === 'running' && since !== undefined
  const reasons = isCutOff
    ? [{ text: `attempt ${task.attempt} ran when its process ended: it counts as lost and is made again` }]
    : await explainWaitingTask(home.context, run, task)
  return {
    run: run.id,
    task: planned.label,
    status: task.status,
    waitingSince: task.waitingSince ?? null,
    unattendedSince: since ?? null,
    reasons,
  }
}

/** More are counted, not explained. */
const EXPLAINED = 20

/** Why tasks of a run do not run that do not only wait for others of the run. */
export async function explainRunWaits(home: Home, run: Run): Promise<Waits> {
  const waiting: FoundTask[] = []
  let more = 0
  for await (const found of findMatchingTasks(home, run, { statuses: ['queued', 'running', 'waiting'] }))
    if (waiting.length < EXPLAINED) waiting.push(found)
    else more++
  const waits = await Promise.all(
    waiting.map(async ({ task, planned }) => ({
      task: planned.label,
      number: task.number,
      reasons: await explainWaitingTask(home.context, run, task),
    })),
  )
  return { waits, more }
}
