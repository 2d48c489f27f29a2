import { stripVTControlCharacters } from 'node:util'
import { LOG_LEVELS, type LogLine } from '../core/ports/looking.ts'

export { LOG_LEVELS }

/** What is searched in logs. */
export interface LineSearch {
  /** The levels that are wanted; a log service may leave out lines of others by itself. */
  levels: readonly LogLine['level'][]
  isHit(line: LogLine): boolean
}

/**
 * The search of a query, or undefined if it wants every line. Text is literal, whatever signs it has; upper and lower case are the
 * same; colours and other sequences for a terminal are left out of a line before.
 */
export function makeLineFilter({
  text = '',
  level = 'debug',
}: {
  text?: string | undefined
  level?: LogLine['level'] | undefined
}): LineSearch | undefined {
  if (text === '' && level === 'debug') return undefined
  const levels = LOG_LEVELS.slice(LOG_LEVELS.indexOf(level))
  const wanted = text.toLowerCase()
  const isHit = (line: LogLine) =>
    levels.includes(line.level) &&
    (wanted === '' || stripVTControlCharacters(line.text).toLowerCase().includes(wanted))
  return { levels, isHit }
}
