import type { RunEvent } from '../control/control.ts'
import { formatDuration } from './render/text.ts'

/** Shows how runs go on. */
export interface ProgressView {
  /** It shows counts, so these are to be among the events. */
  wantsCounts: boolean
  show(event: RunEvent): void
  say(line: string): void
  stop(): void
}

/** One kind of event. */
export type EventOf<E> = Extract<RunEvent, { event: E }>

/** What is said when Ctrl-C was pressed. */
export const formatStopping = ({ graceMs }: EventOf<'stopping'>) =>
  `Stopping: what runs may finish for ${graceMs / 1_000} s. Ctrl-C again kills it.`

/** One plain line for each start and end, for logs and pipes; those of one turn of the event loop are written together. */
export function makePlainProgress(print: (text: string) => void): ProgressView {
  let lines: string[] = []
  const flush = () => {
    if (lines.length > 0) print(lines.join('\n'))
    lines = []
  }
  const write = (line: string) => {
    if (lines.length === 0) setImmediate(flush)
    lines.push(line)
  }
  const say = (line: string) => {
    write(line)
    flush()
  }
  return {
    wantsCounts: false,
    say,
    show(event) {
      switch (event.event) {
        case 'task_started':
          return write(`start      ${event.task}${attemptText(event)}`)
        case 'task_ended':
          return write(endLine(event))
        case 'stopping':
          return say(formatStopping(event))
      }
    },
    stop: flush,
  }
}

function endLine(event: EventOf<'task_ended'>): string {
  const { outcome, task, tookMs, message } = event
  const time = tookMs === null ? '' : ` ${formatDuration(tookMs)}`
  return `${outcome.padEnd(10)} ${task}${attemptText(event)}${time}${message === null ? '' : `: ${message}`}`
}

/** No lines at all, for `--json`. */
export const makeSilentProgress = (): ProgressView => ({ wantsCounts: false, show() {}, say() {}, stop() {} })

/** The number of an attempt that is not the first. */
export const attemptText = ({ attempt }: { attempt: number }) => (attempt > 1 ? ` (attempt ${attempt})` : '')
