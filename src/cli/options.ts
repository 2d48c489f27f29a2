import { InvalidArgumentError } from 'commander'
import { formatDayInZone, parseTimeSpan, type Span } from '../core/calendar.ts'
import { SluiceError } from '../core/errors.ts'
import { loadProject, makeEmptyProject, type Project, requireConfig } from '../project/load-config.ts'

/** Flags that every command takes. */
export interface GlobalOptions {
  state: string
  data?: string
  config?: string
  /** A deployment of the config; absent: this machine. */
  env?: string
  json?: true
}

/** What a command gives back; one place prints it. */
export interface Result {
  /** For `--json`; an array of lines is printed as JSON Lines. */
  data: unknown
  text: string
  /** The command has printed by itself, as it went. */
  isPrinted?: true
  /** @default 0 */
  exitCode?: number
}

/** Loads the project of the working folder. */
export function loadWorkingProject(options: GlobalOptions): Promise<Project> {
  return loadProject(requireConfig(process.cwd(), options.config))
}

/** The project of the working folder; nothing is defined if there is none, which is enough for plans of commands. */
export async function loadProjectIfAny(options: Pick<GlobalOptions, 'config'>): Promise<Project> {
  try {
    return await loadProject(requireConfig(process.cwd(), options.config))
  } catch (error) {
    const isAbsent = error instanceof SluiceError && error.code === 'config_not_found'
    if (isAbsent && options.config === undefined) return makeEmptyProject(process.cwd())
    throw error
  }
}

/** A whole number of 1 or more. */
export function parsePositiveInteger(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('It takes a whole number of 1 or more.')
  return value
}

const MAX_SEARCHED = 1_000

/** A text that is looked for in logs. */
export function parseSearchText(text: string): string {
  if (text.length >= 1 && text.length <= MAX_SEARCHED) return text
  throw new InvalidArgumentError(`It takes a text of 1 to ${MAX_SEARCHED} characters.`)
}

const MAX_PORT = 65_535

/** A port; 0 stands for a free one. */
export function parsePort(text: string): number {
  if (text === '0') return 0
  const value = parsePositiveInteger(text)
  if (value > MAX_PORT) throw new InvalidArgumentError(`It takes a port up to ${MAX_PORT}.`)
  return value
}

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A duration such as `90s`, `15m`, `2h` or `30d`; a number without a unit is refused. Returns milliseconds. */
export function parseDuration(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text) ?? []
  if (number === undefined) throw new InvalidArgumentError('It takes a duration such as 90s, 15m, 2h or 30d.')
  if (unit === undefined)
    throw new InvalidArgumentError(`${text} has no unit: write ${text}s, ${text}m, ${text}h or ${text}d.`)
  return Number(number) * (UNITS[unit] ?? 1)
}

/** When a time that a flag names begins, in UTC: `2026-05-17`, `2026-05-17T10`, `today`, `yesterday`, or how long ago as `2h`. */
export const parseBeginning = (text: string): number => parseNamedSpan(text).start

/** When it ends: a day or hour that is named is included as a whole. */
export const parseEnd = (text: string): number => parseNamedSpan(text).end

function parseNamedSpan(text: string): Span {
  const daysAgo = { today: 0, yesterday: 1 }[text]
  const named = parseTimeSpan(
    daysAgo === undefined ? text : formatDayInZone('UTC', Date.now(), -daysAgo),
    'UTC',
  )
  if (named !== undefined) return named
  if (/^\d{4}-/.test(text)) throw new InvalidArgumentError(`${text} is no time that exists.`)
  if (!/^\d/.test(text))
    throw new InvalidArgumentError(
      'It takes 2h or 7d (so long ago), 2026-05-17, 2026-05-17T10, today or yesterday.',
    )
  const at = Date.now() - parseDuration(text)
  return { start: at, end: at }
}
