import type { PipelineList } from '../../src/control/control.ts'
import { makePath, writeQuery } from '../api.ts'

export type Pipeline = PipelineList['pipelines'][number]
export type Parameter = Pipeline['params'][number]

/** What is asked for: parameters as texts, as a person types them. */
export interface Asked {
  texts: { [name: string]: string }
  isForced: boolean
}

/** A parameter has a prefix in an address, so that no name of one is that of something else there. */
const PREFIX = 'p.'

/** What an address asks for. */
export function readAsked(search: URLSearchParams): Asked {
  const given = [...search].filter(([name]) => name.startsWith(PREFIX))
  return {
    texts: Object.fromEntries(given.map(([name, text]) => [name.slice(PREFIX.length), text])),
    isForced: search.get('force') === 'true',
  }
}

/** The address of the form or of the plan for what is asked for. */
export function writeAsked(pipeline: string, page: 'start' | 'plan', { texts, isForced }: Asked): string {
  const query = Object.fromEntries(Object.entries(texts).map(([name, text]) => [PREFIX + name, text]))
  return makePath('pipelines', pipeline, page) + writeQuery({ ...query, force: isForced || undefined })
}

/** The request of the API for it. A field that is empty is not given. */
export function makeStartRequest(name: string, { texts, isForced }: Asked): object {
  const given = Object.entries(texts).filter(([, text]) => text !== '')
  return { name, texts: Object.fromEntries(given), ...(isForced && { force: true }) }
}

/** How a person gives a parameter. */
export type Control =
  | { kind: 'choice'; choices: string[] }
  | { kind: 'day' }
  | { kind: 'json' }
  | { kind: 'line'; mode: 'decimal' | 'text' }

/** The control of a parameter. What a date field of a browser cannot hold, such as `today`, is a text. */
export function findControl({ kind, schema }: Parameter, text: string): Control {
  if (Array.isArray(schema.enum)) return { kind: 'choice', choices: schema.enum.map(String) }
  if (schema.const !== undefined) return { kind: 'choice', choices: [String(schema.const)] }
  if (kind === 'boolean') return { kind: 'choice', choices: ['true', 'false'] }
  if (kind === 'day' && (text === '' || isDay(text))) return { kind: 'day' }
  if (kind === 'json') return { kind: 'json' }
  return { kind: 'line', mode: kind === 'number' ? 'decimal' : 'text' }
}

const isDay = (text: string) =>
  /^\d{4}-\d\d-\d\d$/.test(text) && new Date(text).toJSON()?.slice(0, 10) === text

const BOUNDS: [key: string, says: string][] = [
  ['minimum', 'at least'],
  ['exclusiveMinimum', 'more than'],
  ['maximum', 'at most'],
  ['exclusiveMaximum', 'less than'],
  ['minLength', 'characters, at least'],
  ['maxLength', 'characters, at most'],
]

const NAMES: { [kind: string]: string } = { boolean: 'true or false', json: 'JSON' }

/** What a parameter takes, in words. */
export function describeParameter({ kind, required, schema, significant }: Parameter): string {
  const bounds = BOUNDS.flatMap(([key, says]) => {
    const bound = schema[key]
    // Zod writes the safe integers as bounds of every integer.
    return typeof bound === 'number' &&
      Number.isSafeInteger(bound) &&
      Math.abs(bound) !== Number.MAX_SAFE_INTEGER
      ? [`${says} ${bound}`]
      : []
  })
  const what = Array.isArray(schema.enum)
    ? 'one of the list'
    : schema.type === 'integer'
      ? 'whole number'
      : (NAMES[kind] ?? kind)
  return [
    what.charAt(0).toUpperCase() + what.slice(1),
    ...bounds,
    required ? 'required' : '',
    schema.default === undefined ? '' : `default ${writeDefault(schema.default)}`,
    significant ? '' : 'not a part of the identity of tasks',
  ]
    .filter(Boolean)
    .join(', ')
}

/** A default as a person would type it. */
export const writeDefault = (value: unknown): string =>
  typeof value === 'string' && value !== '' ? value : (JSON.stringify(value) ?? '')
