import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { gunzipSync } from 'node:zlib'
import type { Log } from '../../src/index.ts'
import { ArticleSet } from '../../tasks/arxlive/article.ts'
import { harvestArticles } from '../../tasks/arxlive/harvest.ts'
import { readOaiPage } from '../../tasks/arxlive/oai-reader.ts'
import { countArticles, renderReportPage } from '../../tasks/arxlive/report.ts'
import { startSampleServer } from '../../tasks/arxlive/sample/server.ts'
import { countBatches, selectTitles } from '../../tasks/arxlive/titles.ts'
import { testProject } from '../support/cli.ts'
import { projectFolder } from '../support/folders.ts'

const data = join(projectFolder, '../shared/data/arxiv')
const hasData = existsSync(data)
if (!hasData) console.log('skipped: real arXiv replies, because ../shared/data is not here')
const real = { skip: hasData ? false : 'no ../shared/data' }
const config = ['--config', join(projectFolder, 'sluice.config.ts'), '--state', '.sluice']

const pageOf = (xml: string) => readOaiPage(Readable.from([Buffer.from(xml)]))
const reply = (content: string) =>
  `<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">${content}</OAI-PMH>`
const savedPage = (name: string) => readOaiPage(createReadStream(join(data, name)))

describe('arxlive', () => {
  it('collects a real saved reply: 897 articles of two days and 18 sets', real, async (test) => {
    const project = testProject(test, {})
    const source = pathToFileURL(join(data, 'oai_dc_2014-12-24_25.xml')).href
    const args = [
      'run',
      'arxlive',
      '--date',
      '2014-12-24',
      '--until',
      '2014-12-25',
      '--production',
      '--source',
      source,
      '--data',
      'data',
      ...config,
    ]
    const ended = await project.sluice(...args)
    assert.equal(ended.code, 0, ended.stdout)
    const folder = project.path('data/arxiv/2014-12-24--2014-12-25')
    const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8'))
    assert.equal(report.articles, 897)
    assert.deepEqual(report.byDay, { '2014-12-24': 599, '2014-12-25': 298 })
    assert.equal(Object.keys(report.bySet).length, 18)
    const lines = gunzipSync(readFileSync(join(folder, 'articles.jsonl.gz')))
      .toString()
      .trim()
      .split('\n')
    assert.equal(lines.length, 897)
    assert.deepEqual(Object.keys(JSON.parse(lines[0] ?? '')), [
      'id',
      'title',
      'authors',
      'abstract',
      'categories',
      'sets',
      'created',
      'updated',
      'datestamp',
      'doi',
    ])
    assert.match(readFileSync(join(folder, 'report.html'), 'utf8'), /<p class="total">897<\/p>/)
    const again = await project.sluice(...args)
    assert.equal(again.code, 0)
    assert.match(again.stdout, /Nothing to do/)
  })

  it('takes a sample of 100 without --production, and names one day once', real, async (test) => {
    const project = testProject(test, {})
    const source = pathToFileURL(join(data, 'oai_dc_2014-12-24_25.xml')).href
    await project.sluice(
      'run',
      'arxlive',
      '--date',
      '2014-12-25',
      '--source',
      source,
      '--data',
      'data',
      ...config,
    )
    const report = JSON.parse(readFileSync(project.path('data/arxiv-sample/2014-12-25/report.json'), 'utf8'))
    assert.equal(report.articles, 100)
  })

  it('takes a file: URL from the working folder', async (test) => {
    const project = testProject(test, { 'a b.xml': reply('<error code="noRecordsMatch"/>') })
    const days = ['--date', '2024-03-04', '--until', '2024-03-04', '--data', 'data']
    const ended = await project.sluice(
      'run',
      'CollectArticles',
      ...days,
      '--source',
      'file:./a%20b.xml',
      ...config,
    )
    assert.equal(ended.code, 0, ended.stdout)
  })

  it('reads real arXivRaw replies', real, async () => {
    const page = await savedPage('arxivraw_ListRecordsResponse.xml')
    assert.equal(page.resumptionToken, '726959|1001')
    const [record] = (await savedPage('arxivraw_GetRecordResponse.xml')).records
    assert.deepEqual(record?.article?.authors, [
      'Joshua Berger',
      'Maxim Perelstein',
      'Michael Saelim',
      'Philip Tanedo',
    ])
    assert.equal(record?.article?.created, '2013-02-08')
    assert.equal(record?.article?.updated, '2013-04-02')
    assert.deepEqual(record?.article?.categories, ['hep-ph', 'hep-ex'])
  })

  it(
    'takes noRecordsMatch for an empty page and other OAI errors for errors with their code',
    real,
    async () => {
      assert.deepEqual((await savedPage('arxivraw_ErrorResponseNoRecordsMatch.xml')).records, [])
      for (const code of ['BadArgument', 'BadResumptionToken', 'BadVerb', 'IdDoesNotExist'])
        await assert.rejects(
          savedPage(`arxivraw_ErrorResponse${code}.xml`),
          new RegExp(`OAI error ${code}`, 'i'),
        )
    },
  )

  it('decodes a reply as it is declared, and refuses bytes that are none of that', async () => {
    const record = `<ListRecords><record><header><identifier>oai:arXiv.org:1</identifier><datestamp>2024-03-04</datestamp></header>
      <metadata><arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>1</id><created>2024-03-04</created><title>Caf\u00e9</title>
      <authors><author><keyname>N</keyname></author></authors><categories>math.GT</categories><abstract>a</abstract></arXiv></metadata></record></ListRecords>`
    const declared = (encoding: string) => `<?xml version="1.0" encoding="${encoding}"?>${reply(record)}`
    const titleOf = async (bytes: Buffer, contentType?: string) => {
      // In pieces, so that a character is cut.
      const pieces = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, n) =>
        bytes.subarray(n * 7, n * 7 + 7),
      )
      return (await readOaiPage(Readable.from(pieces), contentType)).records[0]?.article?.title
    }
    const latin1 = (text: string) => Buffer.from(text, 'latin1')
    for (const [bytes, contentType] of [
      [latin1(declared('ISO-8859-1')), 'text/xml'],
      [latin1(reply(record)), 'text/xml; charset=iso-8859-1'],
      [Buffer.from(declared('UTF-8')), undefined],
      [Buffer.from(`\ufeff${reply(record)}`), 'text/xml; charset=iso-8859-1'],
      [Buffer.from(`\ufeff${declared('UTF-16')}`, 'utf16le'), undefined],
    ] as const)
      assert.equal(await titleOf(bytes, contentType), 'Caf\u00e9', contentType)
    await assert.rejects(titleOf(latin1(reply(record))), /bytes that are not utf-8/)
    await assert.rejects(titleOf(latin1(declared('UTF-8'))), /bytes that are not utf-8/)
    await assert.rejects(titleOf(latin1(declared('EBCDIC-X'))), /its encoding "EBCDIC-X" is not known/)
  })

  it('takes the OAI error of a reply whatever its status, and waits by default where Retry-After says nothing', async () => {
    const replies: [status: number, body: string, headers?: Record<string, string>][] = []
    const server = createServer((_, response) => {
      const [status, body, headers = {}] = replies.shift() ?? [500, '']
      response.writeHead(status, headers).end(body)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const waits: number[] = []
    const harvested = (signal = new AbortController().signal) =>
      harvestArticles({
        source: `http://127.0.0.1:${(server.address() as AddressInfo).port}/oai`,
        from: '2024-03-04',
        until: '2024-03-04',
        signal,
        log: {
          info: (line: string) => waits.push(Number(/again in ([\d.]+) s/.exec(line)?.[1])),
        } as unknown as Log,
        onPage() {},
      })
    try {
      for (const status of [200, 400, 404, 422]) {
        replies.push([status, reply('<error code="noRecordsMatch"/>')])
        assert.deepEqual(await harvested(), [], String(status))
        replies.push([status, reply('<error code="badArgument">from</error>')])
        await assert.rejects(harvested(), /OAI error badArgument: from/)
      }
      replies.push([404, '<html/>'], [404, reply('')], [200, reply('')])
      await assert.rejects(harvested(), /answered 404/)
      await assert.rejects(harvested(), /answered 404/)
      await assert.rejects(harvested(), /neither records nor an error/)
      for (const retryAfter of ['', '0', '-3', 'Thu, 01 Jan 1970 00:00:00 GMT']) {
        replies.push([503, '', { 'retry-after': retryAfter }])
        const stop = new AbortController()
        const ended = harvested(stop.signal).catch(() => 'stopped')
        while (waits.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
        assert.equal(waits.pop(), 5, retryAfter)
        stop.abort()
        assert.equal(await ended, 'stopped')
      }
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })

  it('refuses what is no OAI-PMH reply, and XML bombs', async () => {
    const bomb = `<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]>${reply('&c;')}`
    await assert.rejects(pageOf(bomb), /document type declaration/)
    await assert.rejects(pageOf('<html><body/></html>'), /its root is <html>/)
    await assert.rejects(pageOf('no xml'), /not an OAI-PMH document/)
    await assert.rejects(pageOf(reply('<ListRecords>')), /not an OAI-PMH document/)
    await assert.rejects(
      pageOf(
        reply(
          '<ListRecords><record><header><identifier>a</identifier><datestamp>2020-01-01</datestamp></header><metadata><other/></metadata></record></ListRecords>',
        ),
      ),
      /record a is <other>/,
    )
  })

  it('keeps the newest of several records, and removes what was deleted later', () => {
    const set = new ArticleSet('2020-01-01', '2020-01-31')
    const record = (id: string, datestamp: string, title: string | null) =>
      set.add({ id, datestamp, article: title === null ? null : ({ id, datestamp, title } as never) })
    record('a', '2020-01-03', 'new')
    record('a', '2020-01-02', 'old')
    record('b', '2020-01-02', 'gone')
    record('b', '2020-01-04', null)
    record('c', '2020-01-02', null)
    record('c', '2020-01-05', 'back')
    record('d', '2020-02-01', 'outside')
    assert.deepEqual(
      set.articles().map(({ id, title }) => [id, title]),
      [
        ['a', 'new'],
        ['c', 'back'],
      ],
    )
  })

  it('escapes what comes from outside in its page', () => {
    const article = { sets: ['<script>alert(1)</script>'], categories: [], datestamp: '2020-01-01' } as never
    const page = renderReportPage('a & b', countArticles([article]))
    assert.doesNotMatch(page, /<script>/)
    assert.match(page, /&lt;script&gt;/)
    assert.match(page, /a &amp; b/)
  })

  it('goes through real HTTP: pages, one 503 with Retry-After, and the graph', async (test) => {
    const server = await startSampleServer()
    test.after(() => server.close())
    const project = testProject(test, {})
    const args = [
      'run',
      'arxlive',
      '--date',
      '2024-03-04',
      '--until',
      '2024-03-05',
      '--source',
      server.oai,
      '--graph',
      server.graph,
      '--data',
      'data',
      ...config,
    ]
    const env = { SLUICE_SECRET_MAG_API_KEY: server.key }
    const ended = await project.start(args, { env }).ended
    assert.equal(ended.code, 0, ended.stdout)
    assert.equal(server.requests['/oai'], 4)
    assert.equal(server.requests['/graph/match'], 12)
    const folder = project.path('data/arxiv-sample/2024-03-04--2024-03-05')
    assert.equal(JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')).articles, 12)
    const matches = gunzipSync(readFileSync(join(folder, 'matches.jsonl.gz')))
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.equal(matches.filter((match) => match.paper === null).length, 3)
  })

  it('fails with the reason where the source cannot be reached or is no reply', async (test) => {
    const project = testProject(test, {})
    writeFileSync(project.path('not.xml'), 'not xml')
    const run = (date: string, source: string) =>
      project.sluice(
        'run',
        'CollectArticles',
        '--date',
        date,
        '--until',
        date,
        '--source',
        source,
        '--data',
        'data',
        ...config,
        '--wait',
        '100ms',
      )
    for (const [date, source, why] of [
      ['2024-03-01', pathToFileURL(project.path('none.xml')).href, /cannot be read: ENOENT/],
      ['2024-03-02', pathToFileURL(project.path('not.xml')).href, /not an OAI-PMH document/],
      ['2024-03-03', 'http://127.0.0.1:9/oai', /cannot be reached/],
    ] as const) {
      const ended = await run(date, source)
      assert.match(ended.stdout, why)
    }
  })
})

describe('matching titles', () => {
  const articles = Array.from({ length: 250 }, (_, index) => ({ id: `n${index}`, title: `New ${index}` }))
  const earlier = [
    { id: 'e1', title: 'Earlier 1', paper: null },
    { id: 'e2', title: 'Earlier 2', paper: null },
    { id: 'e1', title: 'Earlier 1', paper: { id: 'p', citations: 1 } },
    { id: 'n3', title: 'New 3', paper: null },
  ]

  it('asks for new titles first, then for earlier ones that had no match', () => {
    const titles = selectTitles(articles, earlier, 10)
    assert.deepEqual(
      titles.map(({ id }) => id),
      [...articles.map(({ id }) => id), 'e2'],
    )
    assert.equal(selectTitles(articles, earlier, 0).length, 250)
    assert.deepEqual([0, 1, 100, 101].map(countBatches), [0, 1, 1, 2])
  })

  it('goes in batches of 100 under the budget, and waits where it is spent', real, async (test) => {
    const server = await startSampleServer()
    test.after(() => server.close())
    const project = testProject(test, {})
    const reply = join(projectFolder, '../shared/data/arxiv/oai_dc_2014-12-24_25.xml')
    project.write(
      'sluice.config.ts',
      `import { defineConfig } from 'sluice'
       export default defineConfig({ pipelines: [${JSON.stringify(join(projectFolder, 'tasks/arxlive/pipeline.ts'))}],
         budgets: { mag: { limit: 500, per: 'year', timeZone: 'UTC' } } })`,
    )
    const args = ['run', 'arxlive', '--date', '2014-12-24', '--until', '2014-12-25', '--production']
    const from = ['--source', pathToFileURL(reply).href, '--graph', server.graph, '--wait', '2s']
    const env = { SLUICE_SECRET_MAG_API_KEY: server.key }
    const ended = await project.start([...args, ...from], { env }).ended
    assert.equal(ended.code, 4, ended.stdout + ended.stderr)
    assert.equal(server.requests['/graph/match'], 500)
    const { tasks } = await project.json('status', 'latest')
    const batches = tasks.filter((each: { family: string }) => each.family === 'MatchBatch')
    assert.deepEqual(
      ['succeeded', 'waiting'].map(
        (status) => batches.filter((each: { status: string }) => each.status === status).length,
      ),
      [5, 4],
    )
    const folder = project.path('data/arxiv/2014-12-24--2014-12-25/matches')
    assert.deepEqual(readdirSync(folder), [
      '0000.jsonl.gz',
      '0001.jsonl.gz',
      '0002.jsonl.gz',
      '0003.jsonl.gz',
      '0004.jsonl.gz',
    ])
    const found = spawnSync('grep', ['-rlaF', server.key, '.sluice', 'data'], { cwd: project.folder })
    assert.equal(String(found.stdout), '', 'the key is nowhere')
  })
})
