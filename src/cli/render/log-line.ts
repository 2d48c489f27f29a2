import { styleText } from 'node:util'
import type { LogPage } from '../../control/control.ts'

/** A line of a task for a terminal; without colours an error is known by its label. */
export function renderLogLine(line: LogPage['lines'][number], isSingle: boolean): string {
  const who = isSingle ? '' : `${line.task}${line.attempt > 1 ? `#${line.attempt}` : ''}`
  const time = new Date(line.at).toISOString().slice(11, 23)
  const red = styleText('red', line.text)
  const text = line.level === 'error' ? red : line.text
  const isShownByColour = line.level === 'error' && red !== line.text
  const level = line.level === 'info' || isShownByColour ? '' : `${line.level} `
  return [styleText('dim', time), who && styleText('cyan', who), `${level}${text}`].filter(Boolean).join(' ')
}
