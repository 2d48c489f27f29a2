import { z } from 'zod'
import { readErrorMessage, SluiceError } from '../core/errors.ts'
import type { Json, Params } from '../core/json.ts'
import { findTextKind, type Kind, listFieldLayers, mayChangeParsedValues } from './fields.ts'

/** A task's parameters: a record of zod fields. */
export type Fields = { readonly [name: string]: z.ZodType }
/** The parameters as the body sees them. */
export type ParamsOf<F extends Fields> = z.output<z.ZodObject<F>>
/** The parameters as a task is called with them: fields with defaults may be left out. */
export type GivenOf<F extends Fields> = z.input<z.ZodObject<F>>

/** A calendar day as `YYYY-MM-DD`; on the command line also `today` and `yesterday`. */
export function day(): z.ZodISODate {
  return z.iso.date({ error: refuseDay })
}

/** Each field of a day keeps it, also after `describe()` and checks, which copy the field: so it tells what a day is. */
const refuseDay = ({ input }: { input?: unknown }) =>
  `${JSON.stringify(input)} is not a day that exists (YYYY-MM-DD)`

/**
 * Keeps a parameter out of the task's identity: where to read from, a debug switch.
 * Wrap the whole field: `insignificant(z.string().default('…'))`.
 */
export function insignificant<T extends z.ZodType>(field: T): T {
  return field.clone(z.core.util.mergeDefs(field.def, { [INSIGNIFICANT]: true }))
}

/** A part of the field's definition, so that it stays with each copy: `describe()` and checks copy the field. */
const INSIGNIFICANT = Symbol('insignificant')

/** Whether the value is a zod schema. */
export function isZodField(value: unknown): value is z.ZodType {
  return value instanceof z.ZodType
}

/** Whether the field is part of the identity: neither it nor what a default or an optional wraps was marked. */
export function isSignificantField(field: z.ZodType): boolean {
  return !listFieldLayers(field).some((layer) => INSIGNIFICANT in layer.def)
}

/** Whether the field takes a {@link day}, also under a default, an optional or a transform. */
export function isDayField(field: z.ZodType): boolean {
  return listFieldLayers(field).some((layer) => (layer.def as { error?: unknown }).error === refuseDay)
}

/** How a field is given as text. */
export function findParameterKind(field: z.ZodType): 'day' | Kind {
  return isDayField(field) ? 'day' : findTextKind(field)
}

/** The JSON Schema of what a field takes; empty where only code of the project knows it. */
export function describeFieldSchema(field: z.ZodType): { [key: string]: unknown } {
  try {
    const { $schema: _, ...schema } = z.toJSONSchema(field, { io: 'input', unrepresentable: 'any' })
    return schema
  } catch {
    // A default may be no JSON, or a function that throws: the field is then described by its kind alone.
    return {}
  }
}

const schemas = new WeakMap<Fields, z.ZodObject>()

/** zod compiles a schema at its first use, which costs more than many uses. */
function makeStrictSchema(fields: Fields): z.ZodObject {
  const known = schemas.get(fields) ?? z.strictObject(fields)
  schemas.set(fields, known)
  return known
}

/** Parses the parameters of a task; all problems in one message. */
export function parseTaskParams(family: string, fields: Fields, given: unknown): Params {
  const parsed = makeStrictSchema(fields).safeParse(given)
  if (!parsed.success) throw makeParamsError(family, fields, given, parsed.error)
  if (hasIdentityValues(parsed.data)) return parsed.data as Params
  for (const [name, value] of Object.entries(parsed.data)) refuseNonJson(family, name, value)
  return JSON.parse(JSON.stringify(parsed.data))
}

/**
 * Checks parameters that were parsed before, and takes them as they are: a schema may change values, so it must not see
 * them twice. What is missing has its default.
 */
export function checkParsedParams(family: string, fields: Fields, parsed: Params): Params {
  const unknown = Object.keys(parsed).filter((name) => fields[name] === undefined)
  const whole: { [name: string]: Json } = {}
  const problems = unknown.map((name) => `no parameter is called ${name}`)
  for (const [name, field] of Object.entries(fields)) {
    const value = parsed[name]
    const isChecked = value === undefined || !mayChangeParsedValues(field)
    const { data, error } = isChecked ? field.safeParse(value) : { data: value, error: undefined }
    if (error !== undefined)
      problems.push(value === undefined ? `${name} is required` : `${name}: ${error.issues[0]?.message}`)
    const taken = value === undefined ? data : value
    refuseNonJson(family, name, taken)
    if (taken !== undefined) whole[name] = taken as Json
  }
  if (problems.length === 0) return whole
  throw new SluiceError('invalid_parameter', `${family}: ${problems.join('; ')}`, {
    hint: `Parameters of a plan are those of ${family} after parsing: ${Object.keys(fields).join(', ') || 'none'}.`,
  })
}

function makeParamsError(family: string, fields: Fields, given: unknown, error: z.ZodError): SluiceError {
  const isMissing = (name: unknown) => !Object.keys(given ?? {}).includes(String(name))
  const describe = ({ path, message }: z.core.$ZodIssue) =>
    isMissing(path[0]) ? ' is required' : `: ${message}`
  const problems = error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => `no parameter is called ${key}`)
      : [`${issue.path.join('.')}${describe(issue)}`],
  )
  const byName = Map.groupBy(
    error.issues.filter(({ path }) => path.length > 0),
    ({ path }) => String(path[0]),
  )
  const known = Object.keys(fields)
  return new SluiceError('invalid_parameter', `${family}: ${problems.join('; ')}`, {
    hint: known.length === 0 ? `${family} takes no parameters.` : `It takes: ${known.join(', ')}.`,
    params: Object.fromEntries(
      [...byName].map(([name, issues]) => [
        name,
        issues
          .map((issue) => [...issue.path.slice(1)].join('.') + describe(issue))
          .join('; ')
          .replace(/^:? /, ''),
      ]),
    ),
  })
}

/** Parameters are part of an identity, so they have to be the same after a trip through JSON. */
function refuseNonJson(family: string, name: string, value: unknown): void {
  if (value === undefined || isJsonValue(value)) return
  throw new SluiceError(
    'invalid_parameter',
    `${family}: ${name} is ${describeParamValue(value)}; parameters are plain JSON values.`,
    { hint: 'Use text or numbers, for example day() for dates.' },
  )
}

/** Whether a value cannot be changed, and is the same after a trip through JSON. */
const isIdentityValue = (value: unknown) =>
  typeof value === 'string' ||
  typeof value === 'boolean' ||
  (Number.isSafeInteger(value) && !Object.is(value, -0))

function hasIdentityValues(parsed: Record<string, unknown>): boolean {
  for (const name in parsed) if (!isIdentityValue(parsed[name])) return false
  return true
}

/** Whether a value is plain JSON: no number that JSON has not, and no object of a class. */
export function isJsonValue(value: unknown): value is Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (Array.isArray(value)) return value.every(isJsonValue)
  return (
    typeof value === 'object' &&
    [Object.prototype, null].includes(Object.getPrototypeOf(value)) &&
    Object.values(value).every((each) => each === undefined || isJsonValue(each))
  )
}

function describeParamValue(value: unknown): string {
  try {
    return typeof value === 'object' ? `a ${value?.constructor?.name}` : `${typeof value} ${String(value)}`
  } catch (error) {
    return readErrorMessage(error)
  }
}

const wholly = new WeakMap<Fields, boolean>()

/** Whether every parameter is part of the identity, as nearly always. */
function areAllSignificant(fields: Fields): boolean {
  const known = wholly.get(fields) ?? Object.values(fields).every(isSignificantField)
  wholly.set(fields, known)
  return known
}

/** The parameters that make the identity. */
export function pickSignificantParams(fields: Fields, params: Params): Params {
  if (areAllSignificant(fields)) return params
  return Object.fromEntries(
    Object.entries(params).filter(([name]) => {
      const field = fields[name]
      return field === undefined || isSignificantField(field)
    }),
  )
}
