/** The largest result of a marker, in bytes: it is part of a record. */
export const RESULT_MAX_BYTES = 4096
/** The largest checkpoint, in bytes: it is a record. */
export const CHECKPOINT_MAX_BYTES = 16 * 1024

/** Any value that survives JSON. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** Parameters of a task as JSON. */
export type Params = { [name: string]: Json }

/**
 * A value as JSON; throws if JSON has no such value, or would publish another in its place: JSON.stringify writes NaN
 * as null, a Map or a promise as {}, and returns undefined for a function. A property that is undefined is left out.
 */
export function convertToJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, null, indent)
  // After stringify, which refuses what refers to itself.
  const problem = findJsonProblem(value, '')
  if (problem !== undefined) throw new TypeError(problem)
  return text
}

function findJsonProblem(value: unknown, path: string): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(value)
        ? undefined
        : `${formatJsonPath(path)} is ${value}, which JSON does not have`
    case 'object':
      return value === null ? undefined : findProblemInside(value, path)
    default:
      return `${formatJsonPath(path)} is ${value === undefined ? 'undefined' : `a ${typeof value}`}, which JSON does not have`
  }
}

function findProblemInside(value: object, path: string): string | undefined {
  if (hasOwnForm(value)) return findProblemOfOwnForm(value, path)
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const problem = findJsonProblem(value[index], `${path}[${index}]`)
      if (problem !== undefined) return problem
    }
    return undefined
  }
  const fields = Object.entries(value)
  for (const [name, each] of fields) {
    if (each === undefined) continue
    const problem = findJsonProblem(each, `${path}.${name}`)
    if (problem !== undefined) return problem
  }
  return fields.length === 0 && !isPlainJsonObject(value)
    ? `${formatJsonPath(path)} is a ${readClassName(value)}, which JSON would write as {}`
    : undefined
}

const hasOwnForm = (value: object): value is { toJSON(key: string): unknown } =>
  'toJSON' in value && typeof value.toJSON === 'function'

function findProblemOfOwnForm(value: { toJSON(key: string): unknown }, path: string): string | undefined {
  const form = value.toJSON(path)
  if (form === null && value instanceof Date)
    return `${formatJsonPath(path)} is an invalid date, which JSON does not have`
  return form === value ? undefined : findJsonProblem(form, path)
}

const formatJsonPath = (path: string) => (path === '' ? 'the value' : path.replace(/^\./, ''))

/** JSON writes numbers, strings and booleans that are objects as what they hold. */
const isPlainJsonObject = (value: object) =>
  [Object.prototype, null].includes(Object.getPrototypeOf(value)) ||
  value instanceof Number ||
  value instanceof String ||
  value instanceof Boolean

const readClassName = (value: object) => value.constructor?.name ?? 'object'
