import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, it, type TestContext } from 'node:test'
import { S3Client } from '@aws-sdk/client-s3'
import { copyS3Object } from '../src/adapters/s3/copy.ts'

/** One request as the store sees it. */
interface Asked {
  method: string
  key: string
  query: URLSearchParams
  range: string
  isFirstOnly: boolean
  body: string
}

/** As much of S3 as copying takes: the object `from` has this content. Returns the status and what is answered. */
function createStore(content: string, failingPart?: string) {
  const objects = new Map([['from', content]])
  const parts = new Map<string, string>()
  const refusal = (code: number, name: string): [number, string] => [
    code,
    `<Error><Code>${name}</Code></Error>`,
  ]

  function copyPart({ query, range }: Asked): [number, string] {
    const number = query.get('partNumber') ?? ''
    if (number === failingPart) return refusal(400, 'InvalidRequest')
    const [from, to] = range.replace('bytes=', '').split('-').map(Number)
    parts.set(number, content.slice(from, (to ?? 0) + 1))
    return [200, '<CopyPartResult><ETag>"e"</ETag></CopyPartResult>']
  }

  function publish({ key, query, isFirstOnly, body }: Asked): [number, string] {
    if (isFirstOnly && objects.has(key)) return refusal(412, 'PreconditionFailed')
    const order = [...body.matchAll(/<PartNumber>(\d+)/g)].map(([, number = '']) => parts.get(number))
    objects.set(key, query.has('uploadId') ? order.join('') : content)
    return [200, '<Result/>']
  }

  function answer(asked: Asked): [number, string] {
    if (asked.query.has('uploads')) return [200, '<R><UploadId>one</UploadId></R>']
    if (asked.method === 'DELETE') return [204, '']
    return asked.query.has('partNumber') ? copyPart(asked) : publish(asked)
  }
  return { objects, answer }
}

/** A client of a store behind HTTP, and the requests that it has had. */
async function storeOf(test: TestContext, content: string, failingPart?: string) {
  const { objects, answer } = createStore(content, failingPart)
  const requests: string[] = []
  const server = createServer(async (request, response) => {
    const { method = '', headers } = request
    const { pathname, searchParams: query } = new URL(request.url ?? '', 'http://s3')
    query.delete('x-id')
    const key = pathname.replace('/bucket/', '')
    const body = await text(request)
    requests.push([method, key, ...query.keys()].join(' '))
    if (method === 'HEAD') return response.writeHead(200, { 'content-length': content.length }).end()
    const range = String(headers['x-amz-copy-source-range'])
    const isFirstOnly = headers['if-none-match'] === '*'
    const [code, xml] = answer({ method, key, query, range, isFirstOnly, body })
    return response.writeHead(code).end(xml)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  test.after(() => server.close())
  const client = new S3Client({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'eu-west-2',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  })
  test.after(() => client.destroy())
  return { client, objects, requests }
}

const copy = { bucket: 'bucket', from: 'from', to: 'to', onlyFirst: true }
const content = Array.from({ length: 95 }, (_, n) => String.fromCharCode(32 + n)).join('')
const limits = { wholeBytes: 20, partBytes: 10 }

describe('copying an object', () => {
  it('takes one request up to the limit of S3', async (test) => {
    const { client, objects, requests } = await storeOf(test, content.slice(0, 20))
    await copyS3Object(client, copy, limits)
    assert.equal(objects.get('to'), content.slice(0, 20))
    assert.deepEqual(requests, ['HEAD from', 'PUT to'])
  })

  it('goes in parts above it, in order, with every byte', async (test) => {
    const { client, objects, requests } = await storeOf(test, content)
    await copyS3Object(client, copy, limits)
    assert.equal(objects.get('to'), content)
    assert.equal(requests.filter((each) => each.includes('partNumber')).length, 10)
    await assert.rejects(copyS3Object(client, copy, limits), { name: 'PreconditionFailed' })
    assert.equal(requests.at(-1), 'DELETE to uploadId')
  })

  it('leaves nothing behind where a part fails', async (test) => {
    const { client, objects, requests } = await storeOf(test, content, '3')
    await assert.rejects(copyS3Object(client, copy, limits), { name: 'InvalidRequest' })
    assert.equal(objects.has('to'), false)
    assert.equal(requests.at(-1), 'DELETE to uploadId')
  })
})
