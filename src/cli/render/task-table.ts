import type { TaskShape } from '../../control/control.ts'
import { formatDuration, formatInstant, renderColumns, renderStatus } from './text.ts'

/** Tasks of a run, a row each; `unattendedSince` is when the process that ran them was seen last. */
export function renderTaskTable(tasks: TaskShape[], unattendedSince: number | null): string {
  if (tasks.length === 0) return 'No task has failed.'
  const rows = tasks.map((task) => taskRow(task, unattendedSince))
  return renderColumns(['#', 'task', 'status', 'attempt', 'took', ''], rows)
}

function taskRow(task: TaskShape, unattendedSince: number | null): string[] {
  const { number, status, attempt, startedAt, endedAt } = task
  const end = endedAt ?? unattendedSince ?? Date.now()
  const time = startedAt === null ? '' : formatDuration(end - startedAt)
  return [
    String(number),
    task.task,
    renderStatus(status),
    startedAt === null ? '' : String(attempt),
    status === 'queued' ? '' : time,
    [renderNote(task), resultNote(task.result)].filter(Boolean).join('; '),
  ]
}

const SHOWN_RESULT = 60

/** The result of a task without an output, if it says anything; `status RUN TASK` shows all of it. */
function resultNote(result: TaskShape['result']): string | undefined {
  if (result === null) return undefined
  const text = JSON.stringify(result)
  return text.length > SHOWN_RESULT ? `${text.slice(0, SHOWN_RESULT - 1)}…` : text
}

function renderNote(task: TaskShape): string {
  if (task.status === 'running' && task.progress) {
    const { done, total, text = '' } = task.progress
    return `${done}${total === undefined ? '' : `/${total}`} ${text}`.trim()
  }
  if (task.status === 'waiting') return `waits for ${waitsForText(task.waitsFor ?? '')}`
  return [memoryNote(task), delayNote(task), task.failure?.message ?? ''].filter(Boolean).join('; ')
}

function memoryNote({ memoryMb, counts, status }: TaskShape): string {
  const times = counts.out_of_memory ?? 0
  if (memoryMb === null || times === 0) return ''
  const often = times === 1 ? 'once' : `${times} times`
  if (status === 'failed') return `ran out of memory ${often}, at last with ${memoryMb} MB`
  return `given ${memoryMb} MB after it ran out of memory ${often}`
}

const delayNote = ({ status, notBefore }: TaskShape) =>
  status === 'queued' && notBefore !== null ? `not before ${formatInstant(notBefore)} UTC` : ''

/** The row that a task waits for, for people. */
function waitsForText(row: string): string {
  if (row === 'target') return 'its target'
  if (row === 'capacity') return 'a place where its job can run'
  const [kind, of, name] = row.split('/')
  return kind === 'limit' ? `the ${of} ${name}` : 'another run'
}
