import type { LogLine } from './ports/looking.ts'

/** A line of Spark's own log begins with its time and its level, by the layout that it ships with and that EMR keeps. */
const LINE = /^\d{2}(?:\d{2})?[-/]\d{2}[-/]\d{2}[ T]\d{2}:\d{2}:\d{2}\S* (TRACE|DEBUG|INFO|WARN|ERROR|FATAL) /
const LEVELS: { [level: string]: LogLine['level'] } = {
  TRACE: 'debug',
  DEBUG: 'debug',
  WARN: 'warn',
  ERROR: 'error',
  FATAL: 'error',
}

/** The level of a line that a Spark program has printed: Spark writes all of them on standard error, so the stream tells nothing. */
export const readSparkLevel = (text: string): LogLine['level'] => LEVELS[LINE.exec(text)?.[1] ?? ''] ?? 'info'
