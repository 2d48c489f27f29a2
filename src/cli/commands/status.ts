import { SluiceError } from '../../core/errors.ts'
import { openControl } from '../open-control.ts'
import { type GlobalOptions, loadProjectIfAny, type Result } from '../options.ts'
import { readAllTasks, readRunSummary } from '../read-pages.ts'
import { renderRunActors } from '../render/actor.ts'
import { makeSummaryData, renderSummary } from '../render/summary.ts'
import { renderTaskDetail } from '../render/task-detail.ts'
import { renderTaskTable } from '../render/task-table.ts'
import { LUIGID, showLuigidStatus } from './luigid-status.ts'

/** Flags of `sluice status`. */
export interface StatusOptions extends GlobalOptions {
  task?: string
  /** Only tasks that failed. */
  failed?: true
  where?: string
}

/** Shows a run task by task, or everything about one task. */
export async function showRunStatus(
  run: string,
  name: string | undefined,
  options: StatusOptions,
): Promise<Result> {
  const { where } = options
  refuseTwoFilters(name, options)
  // The hours of a selection are in the zone of a schedule.
  const project = where === undefined ? undefined : await loadProjectIfAny(options)
  await using control = await openControl(options, project)
  if (run === LUIGID) return await showLuigidStatus(control, name ?? options.task, options)
  const summary = await readRunSummary(control, run)
  const { run: id, unattendedSince } = summary.run
  const task = name ?? options.task
  const statuses = options.failed ? ['failed' as const] : undefined
  const tasks = await readAllTasks(control, { run: id, task, statuses, where })
  const data = { ...makeSummaryData(summary), tasks }
  const [only] = tasks
  if (task !== undefined && only !== undefined && tasks.length === 1)
    return { data, text: renderTaskDetail(only, unattendedSince) }
  return {
    data,
    text: [
      renderTaskTable(tasks, unattendedSince),
      '',
      renderSummary(summary, control.placeFlag),
      ...renderRunActors(summary.run),
    ].join('\n'),
  }
}

function refuseTwoFilters(name: string | undefined, { task, failed, where }: StatusOptions): void {
  if (where === undefined || (name === undefined && task === undefined && failed === undefined)) return
  throw new SluiceError('invalid_usage', '--where goes without TASK, --task and --failed.', {
    hint: 'Say the same in the selection: --where "task=Count status=failed".',
  })
}
