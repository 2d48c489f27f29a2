import type { Control, LuigidTask, LuigidWorker } from '../../control/control.ts'
import { MAX_PAGE } from '../../control/schemas.ts'
import type { Result } from '../options.ts'
import { renderLuigid, renderLuigidTask, renderLuigidWhy } from '../render/luigid.ts'

/** What names the scheduler of Luigi in the place of a run. */
export const LUIGID = 'luigid'

/** So many tasks are shown as text; data has all of them. */
const SHOWN = 200

/** Shows Luigi's scheduler with its workers and tasks, or everything about one task. */
export async function showLuigidStatus(
  control: Control,
  task: string | undefined,
  { failed, json }: { failed?: true; json?: boolean },
): Promise<Result> {
  if (task !== undefined) {
    const detail = await control.luigidTask({ task })
    return { data: detail, text: renderLuigidTask(detail) }
  }
  const statuses = failed ? (['FAILED', 'DISABLED'] as const) : json ? undefined : NOT_DONE
  const query = statuses && { statuses: [...statuses] }
  const workers = await readAll<LuigidWorker>(async (page) => {
    const answer = await control.luigidWorkers(page)
    return { rows: answer.workers, next: answer.next }
  })
  const tasks = await readAll<LuigidTask>(
    async (page) => {
      const answer = await control.luigidTasks({ ...query, ...page })
      return { rows: answer.tasks, next: answer.next }
    },
    json ? Number.POSITIVE_INFINITY : SHOWN + 1,
  )
  const { scheduler } = await control.luigid()
  if (scheduler === null) throw new Error('the scheduler has just told its workers and tasks')
  const isMore = tasks.length > SHOWN
  return {
    data: { ...scheduler, workers, tasks },
    text: renderLuigid(scheduler, workers, tasks.slice(0, SHOWN), isMore),
  }
}

/** Says why a task of Luigi's scheduler does not run now. */
export async function explainLuigidTask(control: Control, task: string): Promise<Result> {
  const detail = await control.luigidTask({ task })
  const { id, status, upstream, reasons } = detail
  return { data: { task: detail.task, id, status, upstream, reasons }, text: renderLuigidWhy(detail) }
}

const NOT_DONE = ['PENDING', 'RUNNING', 'BATCH_RUNNING', 'FAILED', 'DISABLED', 'UNKNOWN'] as const

/** Rows of all pages, so many at most. */
async function readAll<Row>(
  read: (page: { limit: number; cursor?: string }) => Promise<{ rows: Row[]; next: string | null }>,
  most = Number.POSITIVE_INFINITY,
): Promise<Row[]> {
  const rows: Row[] = []
  for (let cursor: string | undefined; ; ) {
    const limit = Math.min(MAX_PAGE, most - rows.length)
    const page = await read({ limit, ...(cursor !== undefined && { cursor }) })
    for (const row of page.rows) rows.push(row)
    if (page.next === null || rows.length >= most) return rows
    cursor = page.next
  }
}
