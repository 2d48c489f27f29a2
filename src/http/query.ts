import type { z } from 'zod'

type Fields = { [name: string]: unknown }
type FieldSchemas = { [name: string]: z.core.$ZodType }

/** The fields of a request as the query of a URL: lists with commas, objects as JSON. */
export function writeUrlQuery(fields: Fields): URLSearchParams {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue
    if (Array.isArray(value)) query.set(name, value.join(','))
    else query.set(name, typeof value === 'object' ? JSON.stringify(value) : String(value))
  }
  return query
}

/** The fields of a query, of the kinds that a schema has. What is of another kind stays text, and the schema refuses it. */
export function readUrlQuery(query: URLSearchParams, schemas: FieldSchemas): Fields {
  const fields: Fields = {}
  for (const name of new Set(query.keys())) {
    const texts = query.getAll(name)
    fields[name] = readField(texts, schemas[name])
  }
  return fields
}

function readField(texts: string[], schema: z.core.$ZodType | undefined): unknown {
  const kind = findSchemaKind(schema)
  if (kind === 'array') return texts.flatMap((each) => each.split(',')).filter((each) => each !== '')
  const [text = ''] = texts
  if (texts.length > 1) return texts
  switch (kind) {
    case 'number':
      return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text)
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text
    case 'record':
      return parseQueryText(text)
    default:
      return text
  }
}

/** The kind of a field, below what makes it optional. */
function findSchemaKind(schema: z.core.$ZodType | undefined): string | undefined {
  const def = schema?._zod.def as { type: string; innerType?: z.core.$ZodType } | undefined
  return def?.innerType === undefined ? def?.type : findSchemaKind(def.innerType)
}

function parseQueryText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
