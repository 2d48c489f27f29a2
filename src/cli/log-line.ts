import { styleText } from 'node:util'
import type { LogLine } from '../core/ports.ts'
import type { RunView } from '../project/inspect.ts'
import type { GlobalOptions } from './options.ts'

/** Flags of `sluice logs`. */
export interface LogsOptions extends GlobalOptions {
  follow?: true
  tail?: number
  attempt?: number
}

/** A line with the task that it is of. */
export interface TaskLine extends LogLine {
  task: string
  number: number
  attempt: number
}

/** A line for a terminal or, with `--json`, as data. */
export function lineText(line: TaskLine, view: RunView, { json }: LogsOptions): string {
  if (json) return JSON.stringify(line)
  const who = view.tasks.length > 1 ? `${line.task}${line.attempt > 1 ? `#${line.attempt}` : ''}` : ''
  const time = new Date(line.at).toISOString().slice(11, 23)
  const text = line.level === 'error' ? styleText('red', line.text) : line.text
  const level = line.level === 'warn' || line.level === 'debug' ? `${line.level} ` : ''
  return [styleText('dim', time), who && styleText('cyan', who), `${level}${text}`].filter(Boolean).join(' ')
}
