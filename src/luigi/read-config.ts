import { SluiceError } from '../core/errors.ts'
import { LUIGI_DEFAULTS, type SchedulerConfig } from './scheduler/config.ts'

/** What a config of Luigi says to its scheduler. */
export interface LuigiSettings {
  config: SchedulerConfig
  /** Totals of resources by name. */
  resources: { [name: string]: number }
}

/**
 * What differs from Luigi's own scheduler if a config says nothing: the rules of time are applied whenever a worker asks,
 * which costs nothing here, and the history of tasks is always kept.
 */
const OWN_DEFAULTS: SchedulerConfig = {
  ...LUIGI_DEFAULTS,
  prune_on_get_work: true,
  record_task_history: true,
}

/**
 * Reads the sections `[scheduler]` and `[resources]` of a config of Luigi (an INI file). Other sections, and settings that
 * this scheduler does not have, are the client's. Throws `invalid_usage` if a value is none.
 */
export function readLuigiConfig(text: string, path: string): LuigiSettings {
  const sections = parseIni(text)
  const config = { ...OWN_DEFAULTS }
  for (const [given, value] of sections.get('scheduler') ?? []) {
    const name = given.replaceAll('-', '_')
    if (isSetting(name)) Object.assign(config, { [name]: readSetting(name, value, path) })
  }
  const resources = [...(sections.get('resources') ?? [])].map(([name, value]): [string, number] => [
    name,
    readNumber(`the resource ${name}`, value, path),
  ])
  return { config, resources: Object.fromEntries(resources) }
}

const isSetting = (name: string): name is keyof SchedulerConfig => Object.hasOwn(LUIGI_DEFAULTS, name)

function readSetting(name: keyof SchedulerConfig, value: string, path: string): number | boolean {
  if (typeof LUIGI_DEFAULTS[name] === 'number') return readNumber(name, value, path)
  if (/^(1|yes|true|on)$/i.test(value)) return true
  if (/^(0|no|false|off)$/i.test(value)) return false
  throw new SluiceError(
    'invalid_usage',
    `${path}: ${name} is ${JSON.stringify(value)}; it takes true or false.`,
  )
}

function readNumber(what: string, value: string, path: string): number {
  const number = Number(value)
  if (value !== '' && Number.isFinite(number)) return number
  throw new SluiceError('invalid_usage', `${path}: ${what} is ${JSON.stringify(value)}; it takes a number.`)
}

/** Sections with their settings. A line that begins with a blank goes on with the setting before, and is left out. */
function parseIni(text: string): Map<string, Map<string, string>> {
  const sections = new Map<string, Map<string, string>>()
  let section = new Map<string, string>()
  for (const line of text.split(/\r?\n/)) {
    if (/^\s|^[#;]|^$/.test(line)) continue
    const [, name] = /^\[([^\]]+)\]/.exec(line) ?? []
    if (name !== undefined) {
      section = sections.get(name) ?? new Map()
      sections.set(name, section)
      continue
    }
    const [, key, value] = /^([^=:]+?)\s*[=:]\s*(.*?)\s*$/.exec(line) ?? []
    if (key !== undefined && value !== undefined) section.set(key, value)
  }
  return sections
}
