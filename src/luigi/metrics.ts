import { countByStatus } from './scheduler/lists.ts'
import type { SchedulerState } from './scheduler/state.ts'
import type { LuigiTask, TaskStatus } from './scheduler/task.ts'

/** The names that Luigi's own collector for Prometheus has, so that dashboards stay. */
const COUNTERS: { [status in TaskStatus]?: [name: string, help: string] } = {
  RUNNING: ['luigi_task_started_total', 'number of started luigi tasks'],
  FAILED: ['luigi_task_failed_total', 'number of failed luigi tasks'],
  DISABLED: ['luigi_task_disabled_total', 'number of disabled luigi tasks'],
  DONE: ['luigi_task_done_total', 'number of done luigi tasks'],
}

/** Counts what becomes of tasks since this process has started, and writes it as Prometheus reads it. */
export class SchedulerMetrics {
  readonly #counts = new Map<TaskStatus, Map<string, number>>()
  readonly #seconds = new Map<string, number>()

  /** Counts a task that has a new status. */
  count(task: LuigiTask, status: TaskStatus): void {
    const counts = this.#counts.get(status) ?? new Map<string, number>()
    this.#counts.set(status, counts.set(task.family, (counts.get(task.family) ?? 0) + 1))
    if (status === 'DONE' && task.timeRunning !== null)
      this.#seconds.set(task.family, task.updated - task.timeRunning)
  }

  /** The text of `/metrics`. */
  write(state: SchedulerState): string {
    const lines: string[] = []
    for (const [status, [name, help]] of Object.entries(COUNTERS) as [TaskStatus, [string, string]][])
      addFamilies(lines, name, 'counter', help, this.#counts.get(status) ?? new Map())
    addFamilies(
      lines,
      'luigi_task_execution_time_seconds',
      'gauge',
      'luigi task execution time in seconds',
      this.#seconds,
    )
    addMetric(
      lines,
      'luigi_tasks',
      'gauge',
      'tasks that the scheduler knows, by status',
      'status',
      countByStatus(state),
    )
    const workers = [...state.workers()]
    addMetric(lines, 'luigi_workers', 'gauge', 'workers that the scheduler has heard of lately', 'state', [
      ['active', workers.filter(({ disabled }) => !disabled).length],
      ['disabled', workers.filter(({ disabled }) => disabled).length],
    ])
    return `${lines.join('\n')}\n`
  }
}

const addFamilies = (
  lines: string[],
  name: string,
  type: string,
  help: string,
  values: Map<string, number>,
) => addMetric(lines, name, type, help, 'family', [...values])

function addMetric(
  lines: string[],
  name: string,
  type: string,
  help: string,
  label: string,
  values: [string, number][],
): void {
  lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
  for (const [value, count] of values) lines.push(`${name}{${label}="${escapeLabel(value)}"} ${count}`)
}

const escapeLabel = (text: string) =>
  text.replaceAll('\\', String.raw`\\`).replaceAll('"', String.raw`\"`).replaceAll('\n', String.raw`\n`)
