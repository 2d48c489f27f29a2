import { format, inspect } from 'node:util'
import type { LogLine } from '../core/ports/looking.ts'
import type { Log } from '../define/body.ts'

type Write = (level: LogLine['level'], text: string) => void

/** The `log` of a body, over the function that keeps the lines. */
export function makeBodyLog(write: Write): Log {
  const at =
    (level: LogLine['level']) =>
    (message: string, fields?: Record<string, unknown>): void =>
      write(
        level,
        fields === undefined
          ? message
          : `${message} ${inspect(fields, { breakLength: Number.POSITIVE_INFINITY })}`,
      )
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

const CONSOLE = [
  ['debug', 'debug'],
  ['log', 'info'],
  ['info', 'info'],
  ['warn', 'warn'],
  ['error', 'error'],
  ['trace', 'debug'],
] as const

/** Sends `console.*` to a log while `current` gives one; otherwise it does what it did. */
export function redirectConsole(current: () => Log | undefined): void {
  for (const [method, level] of CONSOLE) {
    const original = console[method]
    console[method] = (...values: unknown[]) => {
      const log = current()
      if (log === undefined) original.apply(console, values)
      else log[level](format(...values))
    }
  }
}
