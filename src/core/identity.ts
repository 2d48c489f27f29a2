import type { Json, Params } from './json.ts'

/** JSON with sorted keys and no white space (RFC 8785: keys by UTF-16 code units, numbers as ECMAScript writes them). */
export function toCanonicalJson(value: Json): string {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value))
    return value.some(hasFields) ? `[${value.map(toCanonicalJson).join(',')}]` : JSON.stringify(value)
  let fields = ''
  for (const name of sortNames(Object.keys(value)))
    fields += `${fields && ','}${quoteName(name)}:${toCanonicalJson(value[name] ?? null)}`
  return `{${fields}}`
}

/** Sorts in place: `sort` takes a kilobyte for a few names, and planning sorts those of each task. */
function sortNames(names: string[]): string[] {
  if (names.length > 10) return names.sort()
  for (let end = 1; end < names.length; end++) {
    const name = names[end] as string
    let place = end
    for (; place > 0 && (names[place - 1] as string) > name; place--)
      names[place] = names[place - 1] as string
    names[place] = name
  }
  return names
}

/** Names of fields in quotes. Parameters have few names, and each is quoted for every task. */
const quoted = new Map<string, string>()
const MAX_QUOTED = 1_000

function quoteName(name: string): string {
  const known = quoted.get(name)
  if (known !== undefined) return known
  const text = JSON.stringify(name)
  if (quoted.size < MAX_QUOTED) quoted.set(name, text)
  return text
}

/** What JSON itself may write with fields in another order. */
const hasFields = (value: Json) => typeof value === 'object' && value !== null

let crypto: typeof import('node:crypto') | undefined

/** A process that only runs a body hashes nothing, and loading this part of Node is a tenth of its start. */
function sha256(text: string): string {
  crypto ??= process.getBuiltinModule('node:crypto')
  return crypto.hash('sha256', text)
}

/** A task's identity: its family and the SHA-256 of its significant parameters in canonical JSON. */
export function makeTaskId(family: string, significant: Params): string {
  // Joined and not concatenated: a rope keeps its parts beside itself.
  return [family, sha256(toCanonicalJson(significant))].join('-')
}

/** No family of a config has this in its name, so that the id of a task of Luigi says what it is. */
const LUIGI = 'luigi.'

/** The identity of a task of Luigi: the same task in two pipelines is the same work. */
export const makeLuigiTaskId = (family: string, significant: Params): string =>
  makeTaskId(`${LUIGI}${family.replace(/[^A-Za-z0-9_]/g, '_').slice(0, 50)}`, significant)

/** Whether tasks of a family, as {@link parseFamilyOfTask} has it, are tasks of Luigi. */
export const isLuigiFamily = (family: string): boolean => family.startsWith(LUIGI)

/** The family of a task, by its id. */
export const parseFamilyOfTask = (taskId: string): string => taskId.slice(0, taskId.lastIndexOf('-'))

/**
 * The key of a request: the pipeline (or family) and 16 hex digits of the hash of its significant parameters.
 * With `-<n>` for a run it stays below the 80 characters of an execution's name for names up to 50.
 */
export function makeRequestId(name: string, significant: Params): string {
  return `${name}-${sha256(toCanonicalJson(significant)).slice(0, 16)}`
}

/**
 * The token under which the attempt of a holder's name and nonce is launched: 32 hex digits. Who knows it was launched by the process
 * that claimed the attempt.
 */
export const makeLaunchToken = (holder: string, nonce: string): string =>
  sha256(`${holder} ${nonce}`).slice(0, 32)

/** A name for a target that a key may contain, whatever its URI has in it. */
export function hashTargetUri(uri: string): string {
  return sha256(uri).slice(0, 32)
}

/** The pipeline (or family) that a run's id begins with. */
export function parsePipelineOfRun(run: string): string {
  return run.replace(/-[0-9a-f]{16}-\d+$/, '')
}

/** The generation that a run's id ends with: 1 for the first run of its request. */
export function parseRunGeneration(run: string): number {
  return Number(run.slice(run.lastIndexOf('-') + 1))
}

/** What a person calls a task: `Family(k=v,…)`; long values are cut. */
export function formatTaskLabel(family: string, significant: Params): string {
  const shown: string[] = []
  for (const name in significant) shown.push(`${name}=${shownValue(significant[name] ?? null)}`)
  return shown.length === 0 ? family : `${family}(${shown.join(',')})`
}

/** Characters that steer a terminal: controls, line ends of Unicode, and what turns the direction of text round. */
const CONTROLS = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/** The text with control characters as escapes, to be shown on a terminal. */
export function escapeControlCharacters(text: string): string {
  if (text.search(CONTROLS) < 0) return text
  return text.replace(CONTROLS, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function shownValue(value: Json): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  const text = typeof value === 'string' ? value : toCanonicalJson(value)
  const safe = escapeControlCharacters(text)
  return safe.length > 60 ? `${safe.slice(0, 57)}…` : safe
}
