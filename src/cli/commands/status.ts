import { withControl } from '../open-control.ts'
import { type GlobalOptions, placeFlag, type Result } from '../options.ts'
import { readSummary, readTasks } from '../read-pages.ts'
import { summaryData, summaryText } from '../render/summary.ts'
import { taskDetail } from '../render/task-detail.ts'
import { taskTable } from '../render/task-table.ts'

/** Flags of `sluice status`. */
export interface StatusOptions extends GlobalOptions {
  task?: string
  /** Only tasks that failed. */
  failed?: true
}

/** Shows a run task by task, or everything about one task. */
export function showStatus(run: string, name: string | undefined, options: StatusOptions): Promise<Result> {
  return withControl(options, undefined, async (control) => {
    const summary = await readSummary(control, run)
    const { run: id, unattendedSince } = summary.run
    const task = name ?? options.task
    const statuses = options.failed ? ['failed' as const] : undefined
    const tasks = await readTasks(control, { run: id, task, statuses })
    const data = { ...summaryData(summary), tasks }
    const [only] = tasks
    if (task !== undefined && only !== undefined && tasks.length === 1)
      return { data, text: taskDetail(only, unattendedSince) }
    return {
      data,
      text: [taskTable(tasks, unattendedSince), '', summaryText(summary, placeFlag(options))].join('\n'),
    }
  })
}
