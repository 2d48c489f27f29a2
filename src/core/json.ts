/**
 * A value as JSON; throws where JSON has no such value, or would publish another in its place: JSON.stringify writes NaN
 * as null, a Map or a promise as {}, and returns undefined for a function. A property that is undefined is left out.
 */
export function convertToJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, null, indent)
  // After stringify, which refuses what refers to itself.
  const problem = problemOf(value, '')
  if (problem !== undefined) throw new TypeError(problem)
  return text
}

function problemOf(value: unknown, path: string): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : `${at(path)} is ${value}, which JSON does not have`
    case 'object':
      return value === null ? undefined : problemIn(value, path)
    default:
      return `${at(path)} is ${value === undefined ? 'undefined' : `a ${typeof value}`}, which JSON does not have`
  }
}

function problemIn(value: object, path: string): string | undefined {
  if (hasOwnForm(value)) return problemOfOwn(value, path)
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const problem = problemOf(value[index], `${path}[${index}]`)
      if (problem !== undefined) return problem
    }
    return undefined
  }
  const fields = Object.entries(value)
  for (const [name, each] of fields) {
    if (each === undefined) continue
    const problem = problemOf(each, `${path}.${name}`)
    if (problem !== undefined) return problem
  }
  return fields.length === 0 && !isPlain(value)
    ? `${at(path)} is a ${nameOf(value)}, which JSON would write as {}`
    : undefined
}

const hasOwnForm = (value: object): value is { toJSON(key: string): unknown } =>
  'toJSON' in value && typeof value.toJSON === 'function'

function problemOfOwn(value: { toJSON(key: string): unknown }, path: string): string | undefined {
  const form = value.toJSON(path)
  if (form === null && value instanceof Date)
    return `${at(path)} is an invalid date, which JSON does not have`
  return form === value ? undefined : problemOf(form, path)
}

const at = (path: string) => (path === '' ? 'the value' : path.replace(/^\./, ''))

/** JSON writes numbers, strings and booleans that are objects as what they hold. */
const isPlain = (value: object) =>
  [Object.prototype, null].includes(Object.getPrototypeOf(value)) ||
  value instanceof Number ||
  value instanceof String ||
  value instanceof Boolean

const nameOf = (value: object) => value.constructor?.name ?? 'object'
