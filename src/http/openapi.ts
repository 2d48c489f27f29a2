import { z } from 'zod'
import { HTTP_ERRORS } from './errors.ts'
import { EventsQuery } from './events.ts'
import { type Json, type JsonSchema, listComponents, makeJsonSchema, makeRef } from './openapi-schemas.ts'
import { findRequestShape, listPathFields, type OperationName, type Route, type Status } from './route.ts'
import { listOperationNames, ROUTES } from './routes.ts'

const STATUS_MEANING: { [S in Status]: string } = {
  200: 'Done',
  201: 'Opened',
  202: 'Begun, and not over yet',
  409: 'Not done: send the same with `confirmed`',
}

let made: Json | undefined

/** The OpenAPI document of the API, made from the shapes of Control. */
export function describeHttpApi(): Json {
  if (made !== undefined) return made
  const paths = makePaths()
  const responses = {
    Error: { description: errorsText(), content: makeJsonContent({ $ref: makeRef('ErrorAnswer') }) },
  }
  made = {
    openapi: '3.1.0',
    info: {
      title: 'Sluice',
      version: '1',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      summary: 'What can be asked of Sluice, on this machine and of a deployment',
      description: DESCRIPTION,
    },
    servers: [{ url: 'http://127.0.0.1:8080', description: '`sluice dev`' }],
    security: [{ token: [] }, { aws: [] }],
    paths,
    components: {
      schemas: listComponents({ paths, responses }),
      responses,
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: '`sluice dev`: the token that it keeps in a file',
        },
        aws: {
          type: 'apiKey',
          in: 'header',
          name: 'Authorization',
          description: 'A deployment: AWS Signature Version 4, service `lambda`',
        },
      },
    },
  }
  return made
}

const DESCRIPTION = `The same API is served by \`sluice dev\` on loopback and by the API function of a deployment, signed with AWS
credentials. An instant is milliseconds since 1970 (UTC), a duration is milliseconds. What does not apply is \`null\`. Further
fields may be added to answers; a request with a field that the API does not know is refused. docs/api.md shows its use.`

function errorsText(): string {
  const rows = Object.entries(HTTP_ERRORS).map(
    ([code, { status, meaning }]) => `\`${code}\` (${status}): ${meaning}`,
  )
  return ['An error. Beside the codes of docs/errors.md there are:', ...rows].join('\n- ')
}

function makePaths(): Json {
  const paths: { [path: string]: Json } = {}
  for (const name of listOperationNames()) addPath(paths, name)
  paths['/v1/events'] = {
    get: {
      operationId: 'events',
      summary: 'Streams what happens in runs until all have ended (server-sent events)',
      description:
        'Each message is a RunEvent. With the header `Last-Event-ID` a stream goes on where one was cut. A deployment answers whole and has no streams: ask for changes there.',
      parameters: listParameters(EventsQuery, []),
      responses: {
        200: { description: 'A stream', content: { 'text/event-stream': { schema: { type: 'string' } } } },
        204: { description: 'The end was told before' },
        default: { $ref: '#/components/responses/Error' },
      },
    },
  }
  paths['/v1/server'] = {
    get: {
      operationId: 'server',
      summary: 'Tells what the server is: whether it may be asked to act, and for which deployment it speaks',
      responses: {
        200: { description: 'Done', content: makeJsonContent({ $ref: makeRef('ServerView') }) },
        default: { $ref: '#/components/responses/Error' },
      },
    },
  }
  paths['/v1/openapi.json'] = {
    get: {
      operationId: 'openapi',
      summary: 'This document',
      responses: { 200: { description: 'OpenAPI 3.1', content: makeJsonContent({ type: 'object' }) } },
    },
  }
  return paths
}

function addPath<Name extends OperationName>(paths: { [path: string]: Json }, name: Name): void {
  const route: Route<Name> = ROUTES[name]
  const { method, path, summary, isLong } = route
  const request = findRequestShape(name)
  const inPath = listPathFields(path)
  const common = { summary, responses: makeResponses(route) }
  const item: Json = paths[path] ?? {}
  paths[path] = item
  if (method === 'GET')
    item.get = { operationId: name, ...common, ...withParameters(listParameters(request, inPath)) }
  if (method !== 'GET' || isLong)
    item[isLong ? 'post' : method.toLowerCase()] = {
      operationId: isLong ? `${name}ByPost` : name,
      ...common,
      ...withParameters(listParameters(request, inPath).filter(({ in: place }) => place === 'path')),
      ...makeRequestBody(route, request, inPath),
    }
}

const withParameters = (parameters: Json[]) => (parameters.length === 0 ? {} : { parameters })

function listParameters(request: z.ZodType | undefined, inPath: string[]): Json[] {
  if (!(request instanceof z.ZodObject)) return []
  const { properties = {}, required = [] } = makeJsonSchema(request, true)
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: inPath.includes(name) ? 'path' : 'query',
    required: required.includes(name),
    ...(description === undefined ? {} : { description }),
    ...findParameterPlace(schema),
  }))
}

/** A list has commas, an object is JSON. */
function findParameterPlace(schema: Json): Json {
  if (schema.type === 'array') return { schema, style: 'form', explode: false }
  return schema.type === 'object' ? { content: makeJsonContent(schema) } : { schema }
}

function makeRequestBody<Name extends OperationName>(
  { method, example }: Route<Name>,
  request: z.ZodType | undefined,
  inPath: string[],
): Json {
  if (request === undefined || method === 'DELETE') return {}
  const schema =
    inPath.length === 0 ? makeJsonSchema(request) : omitFields(makeJsonSchema(request, true), inPath)
  const fields = Object.entries(example.request ?? {}).filter(([name]) => !inPath.includes(name))
  if (schema.properties !== undefined && Object.keys(schema.properties).length === 0) return {}
  return {
    requestBody: {
      required: !('properties' in schema) || 'required' in schema,
      content: makeJsonContent(schema, Object.fromEntries(fields)),
    },
  }
}

function omitFields({ properties = {}, required = [], ...schema }: JsonSchema, fields: string[]): JsonSchema {
  const left = Object.entries(properties).filter(([name]) => !fields.includes(name))
  const needed = required.filter((name) => !fields.includes(name))
  return {
    ...schema,
    properties: Object.fromEntries(left),
    ...(needed.length === 0 ? {} : { required: needed }),
  }
}

function makeResponses<Name extends OperationName>({ answers, statusOf, example }: Route<Name>): Json {
  const shown = statusOf?.(example.answer) ?? 200
  const responses = Object.entries(answers).map(([status, schema]) => [
    status,
    {
      description: STATUS_MEANING[Number(status) as Status],
      content: makeJsonContent(
        makeJsonSchema(schema as z.ZodType),
        Number(status) === shown ? example.answer : undefined,
      ),
    },
  ])
  return { ...Object.fromEntries(responses), default: { $ref: '#/components/responses/Error' } }
}

const makeJsonContent = (schema: Json, example?: unknown) => ({
  'application/json': { schema, ...(example === undefined ? {} : { example }) },
})
