import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'

/** What one server answered to one request. */
export interface Answered {
  isGood: boolean
  error: string | undefined
  // biome-ignore lint/suspicious/noExplicitAny: answers of any shape
  body: any
}

/** Any signature is taken; moto takes the account from the key. */
export const signFor = (service: string) =>
  `AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-2/${service}/aws4_request, SignedHeaders=host, Signature=0`

/** Moto on a port of its own choice. */
export async function startMoto(test: TestContext): Promise<string> {
  const moto = spawn(process.env.MOTO_SERVER ?? 'moto_server', ['-H', '127.0.0.1', '-p', '0'])
  test.after(() => moto.kill())
  for await (const line of createInterface(moto.stderr)) {
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0]
    if (url !== undefined) return url
  }
  return assert.fail('moto did not start')
}

export async function ask(
  url: string,
  method: string,
  headers: { [name: string]: string },
  body?: object,
): Promise<Answered> {
  const answer = await fetch(url, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  const parsed = text === '' ? {} : JSON.parse(text)
  const error = answer.headers.get('x-amzn-errortype') ?? parsed.__type
  return { isGood: answer.ok, error: error?.split(':')[0].split('#').at(-1), body: parsed }
}

/** The names and kinds of the fields of an answer, at every depth. */
function shapeOf(value: unknown, at = ''): string[] {
  if (Array.isArray(value)) return value.slice(0, 1).flatMap((each) => shapeOf(each, `${at}[]`))
  if (typeof value !== 'object' || value === null) return value === null ? [] : [`${at}: ${typeof value}`]
  return Object.entries(value).flatMap(([name, inner]) => shapeOf(inner, `${at}.${name}`))
}

/**
 * Our answers have the shapes of theirs, in the fields that are read. What ours leaves out the launcher does not read, and EMR itself may
 * leave it out.
 */
export function assertSameShapes(
  theirs: { [what: string]: Answered },
  ours: { [what: string]: Answered },
  fields: readonly string[],
): void {
  for (const [what, { isGood, error, body }] of Object.entries(theirs)) {
    assert.equal(ours[what]?.isGood, isGood, what)
    if (!isGood) assert.equal(ours[what]?.error, error, what)
    const known = new Set(shapeOf(ours[what]?.body))
    const read = shapeOf(body).filter((field) => fields.some((each) => field.includes(each)))
    assert.deepEqual(
      read.filter((field) => !known.has(field)),
      [],
      what,
    )
  }
}
