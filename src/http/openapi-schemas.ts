import { z } from 'zod'
import * as shapes from '../control/schemas.ts'
import { mustHave } from '../core/must-have.ts'
import { ErrorAnswer } from './errors.ts'
import { EventsQuery } from './events.ts'
import { findRequestShape } from './route.ts'
import { listOperationNames, ROUTES } from './routes.ts'
import { ServerView } from './server.ts'

/** A part of the document. */
export type Json = { [name: string]: unknown }

/** A JSON schema; an object's has fields. */
export interface JsonSchema extends Json {
  properties?: { [name: string]: Json }
  required?: string[]
}

/** Shapes that the document names; everything else is written where it is used. */
const NAMED = new Map<z.core.$ZodType, string>([
  ...Object.entries(shapes).flatMap(([name, value]): [z.core.$ZodType, string][] =>
    value instanceof z.ZodType ? [[value, name]] : [],
  ),
  [ErrorAnswer, 'ErrorAnswer'],
  [ServerView, 'ServerView'],
])

/** Refers to a shape by its name. */
export const makeRef = (name: string) => `#/components/schemas/${name}`
const ANY_JSON = { description: 'Any JSON value' }

/** The JSON schema of a shape: a reference if it has a name, unless its fields are needed. */
export function makeJsonSchema(schema: z.core.$ZodType, isWhole = false): JsonSchema {
  const { ids, schemas } = allSchemas()
  const id = mustHave(ids.get(schema), 'name of a schema')
  return NAMED.has(schema) && !isWhole ? { $ref: makeRef(id) } : mustHave(schemas[id], id)
}

let schemasMade: { ids: Map<z.core.$ZodType, string>; schemas: { [id: string]: JsonSchema } } | undefined

/** Every shape, and every request and answer that is made from shapes, as JSON schemas that refer to the named ones. */
function allSchemas(): NonNullable<typeof schemasMade> {
  if (schemasMade !== undefined) return schemasMade
  const ids = new Map(NAMED)
  for (const name of listOperationNames())
    for (const schema of [findRequestShape(name), ...Object.values(ROUTES[name].answers)])
      if (schema !== undefined && !ids.has(schema)) ids.set(schema, `unnamed${ids.size}`)
  ids.set(EventsQuery, 'EventsQuery')
  const registry = z.registry<{ id: string }, z.core.$ZodType>()
  for (const [schema, id] of ids) registry.add(schema, { id })
  const { schemas } = z.toJSONSchema(registry, {
    // Answers have no defaults; so both sides have one form, and answers may get further fields.
    io: 'input',
    uri: makeRef,
  })
  const plain = Object.entries(schemas).map(([id, { $schema: _, $id: __, ...schema }]) => [id, schema])
  schemasMade = { ids, schemas: nameAnyJson(Object.fromEntries(plain)) }
  return schemasMade
}

/** Any JSON value is the only shape that refers to itself; zod puts such shapes beside the others, without a name. */
const nameAnyJson = (schemas: Json): { [id: string]: JsonSchema } =>
  JSON.parse(JSON.stringify(schemas), (key, value) =>
    key === '$ref' && String(value).includes('__shared#') ? makeRef('Json') : value,
  )

/** The named shapes to which a document refers, directly or not. */
export function listComponents(document: Json): Json {
  const { schemas } = allSchemas()
  const components: Json = {}
  const add = (part: unknown) => {
    for (const [, name = ''] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (name in components) continue
      components[name] = name === 'Json' ? ANY_JSON : schemas[name]
      add(components[name])
    }
  }
  add(document)
  return Object.fromEntries(Object.entries(components).sort(([a], [b]) => a.localeCompare(b)))
}
