import type { z } from 'zod'

/** What zod knows of a schema; which of it is there depends on its type. */
interface Definition {
  type: string
  coerce?: boolean
  innerType?: z.ZodType
  in?: z.ZodType
  out?: z.ZodType
  getter?: () => z.ZodType
  options?: z.ZodType[]
  shape?: { [name: string]: z.ZodType }
  element?: z.ZodType
  items?: z.ZodType[]
  rest?: z.ZodType | null
  valueType?: z.ZodType
  left?: z.ZodType
  right?: z.ZodType
}

type Primitive = string | number | boolean | null | undefined

/** What zod keeps inside a schema, which its types do not tell. */
interface Inside {
  _zod: { def: Definition; values?: Set<Primitive> }
}

const readFieldInternals = (field: z.ZodType) => (field as z.ZodType & Inside)._zod

const readFieldDefinition = (field: z.ZodType) => readFieldInternals(field).def

/** What a value is given to: under defaults and optionals, before a transform, behind a lazy one. */
export function findInputField(field: z.ZodType): z.ZodType | undefined {
  const { innerType, in: from, out, getter } = readFieldDefinition(field)
  // z.preprocess takes anything, but is meant for what comes after it.
  if (from !== undefined) return readFieldDefinition(from).type === 'transform' ? out : from
  return innerType ?? getter?.()
}

/** The field itself and all that {@link findInputField} leads to, the innermost last. */
export function listFieldLayers(field: z.ZodType): z.ZodType[] {
  const layers: z.ZodType[] = []
  for (let layer: z.ZodType | undefined = field; layer !== undefined && !layers.includes(layer); ) {
    layers.push(layer)
    layer = findInputField(layer)
  }
  return layers
}

const innermost = (field: z.ZodType) => listFieldLayers(field).at(-1) ?? field

/** How a field is given as text. */
export type Kind = 'boolean' | 'number' | 'json' | 'text'

/** How a field is given as text, by the type that it takes. */
export function findTextKind(field: z.ZodType): Kind {
  const inner = innermost(field)
  const values = listAllowedValues(inner)
  if (values !== undefined)
    return isAll(values, 'number') ? 'number' : isAll(values, 'boolean') ? 'boolean' : 'text'
  const { type, options } = readFieldDefinition(inner)
  switch (type) {
    case 'boolean':
      return 'boolean'
    case 'number':
    case 'int':
      return 'number'
    case 'union':
      return kindOfUnion((options ?? []).map(findTextKind))
    case 'string':
    case 'template_literal':
    case 'date':
    case 'bigint':
      return 'text'
    default:
      return 'json'
  }
}

function kindOfUnion(kinds: Kind[]): Kind {
  if (kinds.includes('json')) return 'json'
  const [first = 'text', ...others] = new Set(kinds)
  return others.length === 0 ? first : 'text'
}

const isAll = (values: Primitive[], type: string) =>
  values.length > 0 && values.every((each) => typeof each === type)

/** The values of an enum or a literal. */
function listAllowedValues(field: z.ZodType): Primitive[] | undefined {
  if (!['enum', 'literal'].includes(readFieldDefinition(field).type)) return undefined
  return [...(readFieldInternals(field).values ?? [])]
}

/** Values that a field allows, if it lists them. */
export function listFieldChoices(field: z.ZodType): string[] {
  return (listAllowedValues(innermost(field)) ?? []).map(String)
}

/**
 * The value that a text means for a field: the first that the field takes, of those that its type can be written as.
 * Undefined if the field takes only JSON and the text is none.
 */
export function parseFieldText(field: z.ZodType, text: string): unknown {
  const values = readings(field, text)
  if (values.length < 2) return values[0]
  return values.find((value) => takes(field, value)) ?? values[0]
}

function takes(field: z.ZodType, value: unknown): boolean {
  try {
    return field.safeParse(value).success
  } catch {
    // A transform may throw for what is not meant for it.
    return false
  }
}

function readings(field: z.ZodType, text: string): unknown[] {
  const layers = listFieldLayers(field)
  const inner = layers.at(-1) ?? field
  const isNull = text === 'null' && layers.some((layer) => readFieldDefinition(layer).type === 'nullable')
  const isPrepared = layers.some((layer) => readFieldDefinition(layer).in !== undefined && isAnything(layer))
  return [...(isNull ? [null] : []), ...readingsOf(inner, text), ...(isPrepared ? [text] : [])]
}

/** Whether a function comes first, which may take anything. */
function isAnything(field: z.ZodType): boolean {
  const { in: first } = readFieldDefinition(field)
  return first !== undefined && readFieldDefinition(first).type === 'transform'
}

function readingsOf(field: z.ZodType, text: string): unknown[] {
  const values = listAllowedValues(field)
  if (values !== undefined) {
    const named = values.filter((value) => String(value) === text)
    // A text is meant before a number that is written alike; what is none of them is refused with the choices.
    return named.length === 0
      ? [text]
      : [...named.filter((value) => value === text), ...named.filter((value) => value !== text)]
  }
  const { type, options = [] } = readFieldDefinition(field)
  switch (type) {
    case 'boolean':
      return [text === 'true' ? true : text === 'false' ? false : text]
    case 'number':
    case 'int':
      return [text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text)]
    case 'string':
    case 'template_literal':
    case 'date':
    case 'bigint':
      return [text]
    case 'union':
      return [
        ...(findTextKind(field) === 'json' ? asJson(text) : []),
        ...options.flatMap((option) => readings(option, text)),
      ]
    case 'any':
    case 'unknown':
    case 'custom':
      return [...asJson(text), text]
    default:
      return asJson(text)
  }
}

function asJson(text: string): unknown[] {
  try {
    return [JSON.parse(text)]
  } catch {
    return []
  }
}

/** Types that neither a text nor JSON can be. */
const UNGIVABLE = [
  'bigint',
  'date',
  'file',
  'function',
  'map',
  'nan',
  'never',
  'promise',
  'set',
  'symbol',
  'undefined',
  'void',
]

/** Why a field can be no parameter: it cannot be given as text or JSON, or an identity cannot be made of it; undefined if it can. */
export function findFieldProblem(field: z.ZodType): string | undefined {
  const given = offending(field, givenParts)
  if (given !== undefined) return `takes a value of z.${given}(), which neither a flag nor JSON can give`
  const gives = offending(field, outputParts)
  return gives === undefined
    ? undefined
    : `is a value of z.${gives}() after parsing, but parameters are plain JSON values`
}

/** The parts of a schema of which a value consists, as it is given or as it comes out; `any`: one of them will do. */
interface Parts {
  parts: z.ZodType[]
  any?: true
  type?: string
}

function givenParts(field: z.ZodType): Parts {
  const { type, coerce } = readFieldDefinition(field)
  const inner = findInputField(field)
  return inner === undefined ? { ...listInnerParts(field), type: coerce ? 'any' : type } : { parts: [inner] }
}

function outputParts(field: z.ZodType): Parts {
  const { type, innerType, out, getter } = readFieldDefinition(field)
  const inner = innerType ?? out ?? getter?.()
  return inner === undefined ? { ...listInnerParts(field), type } : { parts: [inner] }
}

function listInnerParts(field: z.ZodType): Parts {
  const { options, shape, element, items = [], rest, valueType, left, right } = readFieldDefinition(field)
  if (options !== undefined) return { parts: options, any: true }
  const parts = [...Object.values(shape ?? {}), element, ...items, rest, valueType, left, right]
  return { parts: parts.filter((part) => part !== undefined && part !== null) as z.ZodType[] }
}

function offending(
  field: z.ZodType,
  partsOf: (field: z.ZodType) => Parts,
  seen = new Set<z.ZodType>(),
): string | undefined {
  if (seen.has(field)) return undefined
  seen.add(field)
  const { parts, any, type } = partsOf(field)
  if (type !== undefined && UNGIVABLE.includes(type)) return type
  const found = parts.map((part) => offending(part, partsOf, seen))
  return any && found.includes(undefined) ? undefined : found.find((each) => each !== undefined)
}

/** Whether parsing may make another value of one that it has made: then a parsed value cannot be checked by parsing it. */
export function mayChangeParsedValues(field: z.ZodType, seen = new Set<z.ZodType>()): boolean {
  if (seen.has(field)) return false
  seen.add(field)
  const { type, in: from, innerType, getter } = readFieldDefinition(field)
  if (from !== undefined || ['transform', 'catch'].includes(type)) return true
  const inner = innerType ?? getter?.()
  return [...listInnerParts(field).parts, ...(inner === undefined ? [] : [inner])].some((part) =>
    mayChangeParsedValues(part, seen),
  )
}
