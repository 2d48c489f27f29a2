import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { S3Client } from '@aws-sdk/client-s3'
import { makeStepLogReader } from '../../src/adapters/emr/steps/step-lines.ts'

const LOG = { folder: 's3://logs/emr/', handle: 'j-2AXXXXXXGAPLF/s-01' }
const AT = 'emr/j-2AXXXXXXGAPLF/steps/s-01/'

type Refusal = { status: number; code: string }
type Stored = { content: Buffer; at: number }

type Objects = { [key: string]: string | Buffer | Refusal | Stored }

function contentOf(stored: Objects[string] | undefined): Buffer | Refusal | undefined {
  if (typeof stored === 'string') return gzipSync(stored)
  return stored !== undefined && 'content' in stored ? stored.content : stored
}

function showListing(objects: Objects, prefix: string): string {
  const found = Object.entries(objects).filter(([key]) => key.startsWith(prefix))
  const shown = found.map(([key, stored]) => {
    const at = typeof stored === 'object' && 'content' in stored ? stored.at : 0
    return `<Contents><Key>${key}</Key><LastModified>${new Date(at).toISOString()}</LastModified></Contents>`
  })
  return `<ListBucketResult>${shown.join('')}</ListBucketResult>`
}

/** As much of S3 as reading takes: listing a prefix, and whole objects. */
async function serve(test: TestContext, objects: Objects, listing?: Refusal) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://s3')
    const isListing = url.searchParams.has('list-type')
    const key = decodeURIComponent(url.pathname).replace('/logs/', '')
    asked.push(isListing ? 'list' : key)
    const answer = isListing
      ? (listing ?? showListing(objects, url.searchParams.get('prefix') ?? ''))
      : (contentOf(objects[key]) ?? { status: 404, code: 'NoSuchKey' })
    if (typeof answer === 'string' || Buffer.isBuffer(answer)) return response.end(answer)
    const { status, code } = answer
    response.writeHead(status).end(`<Error><Code>${code}</Code><Message>${code}!</Message></Error>`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  test.after(() => new Promise((resolve) => server.close(resolve)))
  const client = new S3Client({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'eu-west-2',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    forcePathStyle: true,
    maxAttempts: 1,
  })
  return { read: makeStepLogReader(client), asked }
}

/** All pages, as a reader goes through them. */
async function readAll(read: Awaited<ReturnType<typeof serve>>['read']) {
  const pages: Awaited<ReturnType<typeof read>>[] = []
  for (let after: string | undefined, isMore = true; isMore; ) {
    const page = await read(LOG, { from: 0, after })
    pages.push(page)
    after = page.next
    isMore = after !== undefined
  }
  return pages
}

describe('lines of steps in the log folder of their cluster', () => {
  it('are those of standard output, then of standard error, with their numbers and the levels of Spark', async (test) => {
    const { read } = await serve(test, {
      [`${AT}controller.gz`]: 'INFO startExec\n',
      [`${AT}stderr.gz`]:
        '26/01/02 10:00:00 WARN TaskSetManager: slow\n2026-01-02 10:00:00,001 ERROR x: y\nTraceback',
      [`${AT}stdout.gz`]: 'three\n',
      [`${AT}stdout.2026-01-02-09.gz`]: 'one\ntwo\n',
      [`${AT}syslog.gz`]: 'no',
      [`${AT}stdout.gz.exe`]: 'no',
      'emr/j-2AXXXXXXGAPLF/steps/s-012/stdout.gz': 'of another step',
    })
    const { lines, next, found } = await read(LOG, { from: 0 })
    assert.deepEqual(
      lines.map(({ isError, line, level, text }) => [isError, line, level, text]),
      [
        [false, 1, 'info', 'one'],
        [false, 2, 'info', 'two'],
        [false, 3, 'info', 'three'],
        [true, 1, 'warn', '26/01/02 10:00:00 WARN TaskSetManager: slow'],
        [true, 2, 'error', '2026-01-02 10:00:00,001 ERROR x: y'],
        [true, 3, 'info', 'Traceback'],
      ],
    )
    assert.deepEqual([next, found], [undefined, 3])
  })

  it('are what EMR itself says of a step whose program has printed nothing', async (test) => {
    const { read } = await serve(test, { [`${AT}controller.gz`]: 'WARN Step failed\n' })
    const { lines } = await read(LOG, { from: 0 })
    assert.deepEqual(
      lines.map(({ text }) => text),
      ['WARN Step failed'],
    )
    const nothing = await serve(test, {})
    assert.deepEqual(await nothing.read(LOG, { from: 0 }), { lines: [], found: 0 })
  })

  it('come in pages of bounded size, each line once, whatever is in them', async (test) => {
    const many = Array.from({ length: 12_000 }, (_, index) => `line ${index}`)
    // Each sign takes six in JSON.
    const odd = Array.from({ length: 40 }, () => '\u0001'.repeat(10_000))
    const { read } = await serve(test, {
      [`${AT}stdout.gz`]: `${many.join('\n')}\n`,
      [`${AT}stderr.gz`]: `${odd.join('\n')}\n`,
    })
    const pages = await readAll(read)
    for (const { lines } of pages) {
      assert.ok(lines.length <= 10_000)
      assert.ok(Buffer.byteLength(JSON.stringify(lines)) < 3 * 1024 * 1024)
    }
    const all = pages.flatMap(({ lines }) => lines)
    assert.deepEqual(
      all.map(({ text }) => text),
      [...many, ...odd],
    )
    assert.deepEqual(
      all.map(({ line }) => line),
      [...many.keys(), ...odd.keys()].map((index) => index + 1),
    )
    assert.ok(pages.length > 3)
  })

  it('are cut, and say so, if one has no end or an object is enormous', async (test) => {
    const { read } = await serve(test, {
      [`${AT}stdout.gz`]: 'x'.repeat(3_000_000),
      // 100 MB in about 100 KB.
      [`${AT}stderr.gz`]: gzipSync(Buffer.alloc(100 * 1024 * 1024, `${'y'.repeat(399_999)}\n`)),
    })
    const pages = await readAll(read)
    const all = pages.flatMap(({ lines }) => lines)
    assert.match(all[0]?.text ?? '', /^x{60000,70000}… \(29\d+ more characters\)$/)
    assert.equal(all.at(-1)?.text, `Only the first 32 MB of s3://logs/${AT}stderr.gz are shown.`)
    assert.ok(all.length < 90)
  })

  it('are read as far as they can be, with what is wrong with the rest', async (test) => {
    const whole = gzipSync(`${'good\n'.repeat(50_000)}`)
    const { read } = await serve(test, {
      [`${AT}stdout.gz`]: Buffer.from('this is not compressed'),
      [`${AT}stderr.2026-01-02-09.gz`]: { status: 403, code: 'AccessDenied' },
      [`${AT}stderr.gz`]: whole.subarray(0, whole.length - 20),
    })
    const texts = (await readAll(read)).flatMap(({ lines }) => lines.map(({ text }) => text))
    const notes = texts.filter((text) => text !== 'good')
    assert.match(notes[0] ?? '', /^s3:\/\/logs\/emr\/.*stdout\.gz cannot be read: incorrect header check/)
    assert.match(notes[1] ?? '', /stderr\.2026-01-02-09\.gz cannot be read: AccessDenied!/)
    assert.match(notes[2] ?? '', /stderr\.gz cannot be read: unexpected end of file/)
    const refused = await serve(test, {}, { status: 403, code: 'AccessDenied' })
    const [line] = (await refused.read(LOG, { from: 0 })).lines
    assert.equal(line?.text, `s3://logs/${AT} cannot be read: AccessDenied!`)
  })

  it('are asked for again if S3 does not answer', async (test) => {
    const busy = { status: 503, code: 'SlowDown' }
    const { read } = await serve(test, { [`${AT}stdout.gz`]: busy })
    await assert.rejects(read(LOG, { from: 0 }), /SlowDown/)
    const unlisted = await serve(test, {}, busy)
    await assert.rejects(unlisted.read(LOG, { from: 0 }), /SlowDown/)
  })

  it('are read again only where something was copied since', async (test) => {
    const { read, asked } = await serve(test, {
      [`${AT}stdout.gz`]: { content: gzipSync('old\n'), at: 1_000 },
      [`${AT}stderr.gz`]: { content: gzipSync('new\n'), at: 9_000 },
    })
    const { lines, found } = await read(LOG, { from: 5_000 })
    assert.deepEqual([lines.map(({ text }) => text), found], [['new'], 2])
    assert.deepEqual(asked, ['list', `${AT}stderr.gz`])
  })
})
