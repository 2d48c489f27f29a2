import assert from 'node:assert/strict'
import {
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { testTask } from '../../src/index.ts'
import { fnv1a } from '../../tasks/search/clicks.ts'
import { parseLogLine } from '../../tasks/search/log-line.ts'
import { type TestProject, testProject } from '../support/cli.ts'
import { projectFolder, temporaryFolder } from '../support/folders.ts'
import '../../src/project/resolve-self.ts'

// It imports the library by its name, which is known only now.
const { Split } = await import('../../tasks/search/pipeline.ts')

const config = ['--config', join(projectFolder, 'sluice.config.ts'), '--state', '.sluice', '--data', 'data']
const realLog = join(projectFolder, '../shared/data/weblogs/access.log')
const real = { skip: existsSync(realLog) ? false : 'no ../shared/data' }
if (real.skip) console.log('skipped: the real access log, because ../shared/data is not here')
const read = (project: TestProject, path: string) =>
  JSON.parse(readFileSync(project.path('data/search', path), 'utf8'))

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const two = (n: number) => String(n).padStart(2, '0')

interface Hit {
  at: number
  address: string
  path: string
  status?: number
  zone?: number
}

/** A line of the combined format, in a zone of so many hours. */
function line({ at, address, path, status = 200, zone = 0 }: Hit): string {
  const local = new Date(at + zone * 3_600_000)
  const day = `${two(local.getUTCDate())}/${MONTHS[local.getUTCMonth()]}/${local.getUTCFullYear()}`
  const time = [local.getUTCHours(), local.getUTCMinutes(), local.getUTCSeconds()].map(two).join(':')
  const offset = `${zone < 0 ? '-' : '+'}${two(Math.abs(zone))}00`
  return `${address} - - [${day}:${time} ${offset}] "GET ${path} HTTP/1.1" ${status} 100 "-" "Agent ${address.length * address.charCodeAt(address.length - 1)}"`
}

describe('a line of an access log', () => {
  const base =
    '1.2.3.4 - bob [17/May/2015:10:05:03 +0200] "GET /a/b?q=1 HTTP/1.1" 200 - "http://x/" "Mozilla \\"5\\""'

  it('is read with its zone, its path without the query, and its quotes', () => {
    assert.deepEqual(parseLogLine(base), {
      at: Date.parse('2015-05-17T08:05:03Z'),
      address: '1.2.3.4',
      agent: 'Mozilla \\"5\\"',
      method: 'GET',
      path: '/a/b',
      status: '200',
      bytes: 0,
      referrer: 'http://x/',
    })
  })

  it('may end in a leap second, which belongs to the minute before', () => {
    const leap = base.replace('17/May/2015:10:05:03 +0200', '31/Dec/2016:23:59:60 +0000')
    assert.equal(parseLogLine(leap)?.at, Date.parse('2016-12-31T23:59:59Z'))
  })

  it('is one as well when its last field is cut, and none otherwise', () => {
    assert.equal(parseLogLine(base.slice(0, -8))?.agent, 'Mozill')
    for (const cut of [
      base.slice(0, 80),
      base.slice(0, 40),
      '',
      'nonsense',
      base.replace('17/May', '31/Feb'),
      base.replace('May', 'Mai'),
      base.replace('10:05:03', '10:05:61'),
      base.replace('10:05:03', '10:05:75'),
    ])
      assert.equal(parseLogLine(cut), undefined, cut)
  })
})

it('the hash is FNV-1a of 32 bits', () => {
  // Test vectors of draft-eastlake-fnv, appendix C.
  assert.deepEqual([fnv1a(''), fnv1a('a'), fnv1a('foobar')], [0x811c9dc5, 0xe40c292c, 0xbf9cf968])
})

describe('search-daily over the real log', () => {
  it(
    'finds its 10,000 requests, also when two ask at once; every quarter is computed once',
    real,
    async (test) => {
      const project = testProject(test, {})
      const range = ['--from', '2015-05-17', '--to', '2015-05-20', '--source', realLog, ...config]
      const ask = () => project.start(['backfill', 'search-daily', ...range])
      const [one, other] = [ask(), ask()]
      const ends = await Promise.all([one.ended, other.ended])
      for (const { code, stdout, stderr } of ends) assert.equal(code, 0, stdout + stderr)
      const days = ['17', '18', '19', '20'].map((day) => read(project, `day/2015-05-${day}.json`))
      const total = (name: string) => days.reduce((sum, day) => sum + (day.byStatus[name] ?? 0), 0)
      assert.equal(
        days.reduce((sum, day) => sum + day.requests, 0),
        10_000,
      )
      assert.deepEqual(['200', '304', '404', '301'].map(total), [9126, 445, 213, 164])
      const starts = ends.flatMap(({ stdout }) =>
        stdout.split('\n').filter((each) => each.startsWith('start')),
      )
      const quarters = starts.filter((each) => each.includes('SearchQuarter'))
      assert.equal(quarters.length, 4 * 96)
      assert.equal(new Set(quarters).size, 4 * 96)
      assert.equal(starts.filter((each) => each.includes('Split')).length, 1)
      const again = await project.json('backfill', 'search-daily', ...range)
      assert.ok(again.intervals.every((each: { status: string }) => each.status === 'complete'))
    },
  )
})

/** Sessions, visitors and clicks of hits, counted in the plainest way. */
function reference(hits: Hit[], from: number, to: number) {
  const inside = hits.filter(({ at }) => at >= from && at < to)
  const byVisitor = Map.groupBy(inside, ({ address }) => address)
  let sessions = 0
  const pages = new Map<string, { views: number; followed: number }>()
  for (const own of byVisitor.values()) {
    const sorted = own
      .map((hit, index) => ({ ...hit, index }))
      .sort((a, b) => a.at - b.at || a.index - b.index)
    const groups: Hit[][] = []
    for (const hit of sorted) {
      const last = groups.at(-1)?.at(-1)
      if (last === undefined || hit.at - last.at > 30 * 60_000) groups.push([hit])
      else groups.at(-1)?.push(hit)
    }
    sessions += groups.length
    for (const group of groups) {
      const views = group.filter(({ path, status = 200 }) => status === 200 && !path.endsWith('.css'))
      views.forEach(({ path }, index) => {
        const page = pages.get(path) ?? { views: 0, followed: 0 }
        page.views++
        if (index < views.length - 1) page.followed++
        pages.set(path, page)
      })
    }
  }
  return { requests: inside.length, visitors: byVisitor.size, sessions, pages: Object.fromEntries(pages) }
}

describe('search over a made log', () => {
  const DAY = Date.parse('2016-03-01T00:00:00Z')
  const MINUTE = 60_000
  // Sessions that cross quarters, hours and midnight, in zones from -11 to +12, in a mixed order.
  const hits: Hit[] = Array.from({ length: 600 }, (_, index) => ({
    at: DAY - 3_600_000 + ((index * 7919) % 1_560) * MINUTE + (index % 7) * 1_000,
    address: `10.0.0.${index % 9}`,
    path: ['/', '/a.html', '/b', '/style.css', '/c/'][index % 5] as string,
    status: index % 11 === 0 ? 404 : 200,
    zone: (index % 24) - 11,
  }))

  it('is exact for sessions across quarters, hours and midnight, and for zones', async (test) => {
    const project = testProject(test, {})
    const half = hits.length / 2
    mkdirSync(project.path('logs'))
    writeFileSync(project.path('logs/b.log'), hits.slice(half).map(line).join('\n'))
    writeFileSync(project.path('logs/a.log.gz'), gzipSync(hits.slice(0, half).map(line).join('\n')))
    const ended = await project.sluice(
      'run',
      'search-daily',
      '--interval',
      '2016-03-01',
      '--source',
      'logs',
      ...config,
    )
    assert.equal(ended.code, 0, ended.stdout + ended.stderr)
    const day = read(project, 'day/2016-03-01.json')
    const wanted = reference(hits, DAY, DAY + 86_400_000)
    assert.deepEqual(
      [day.requests, day.visitors, day.sessions],
      [wanted.requests, wanted.visitors, wanted.sessions],
    )
    const clicks = Object.fromEntries(
      day.clickThrough.map(({ path, views, followed }: { path: string; views: number; followed: number }) => [
        path,
        { views, followed },
      ]),
    )
    assert.deepEqual(clicks, wanted.pages)
    for (let hour = 0; hour < 24; hour++) {
      const summary = read(project, `hour/2016-03-01T${two(hour)}.json`)
      const start = DAY + hour * 3_600_000
      const { requests, visitors, sessions } = reference(hits, start, start + 3_600_000)
      assert.deepEqual([summary.requests, summary.visitors, summary.sessions], [requests, visitors, sessions])
    }
    const { a, b, difference, low, high } = day.variants
    assert.equal(a.visitors + b.visitors, wanted.visitors)
    assert.ok(low < difference && difference < high)
    assert.equal(globSync('data/search/quarter/2016-03-01T*.json', { cwd: project.folder }).length, 96)
  })

  it('counts lines that do not parse for the line before them, and keeps them', async (test) => {
    const at = Date.parse('2016-03-01T10:16:00Z')
    const text = [
      'oops',
      line({ at, address: 'x', path: '/' }),
      'bad',
      'worse',
      line({ at: at + 3_600_000, address: 'x', path: '/' }),
    ]
    const project = testProject(test, {
      'logs/a.log': text.join('\n'),
      'logs/b.log': 'nothing\n',
      'logs/c.log': '',
    })
    const ended = await project.sluice(
      'run',
      'search-hourly',
      '--interval',
      '2016-03-01T10',
      '--source',
      'logs',
      ...config,
    )
    assert.equal(ended.code, 0, ended.stdout)
    assert.equal(read(project, 'quarter/2016-03-01T10-15.json').malformed, 3)
    assert.deepEqual(read(project, 'quarter/2016-03-01T10-00.json'), {
      requests: 0,
      bytes: 0,
      byStatus: {},
      visitors: 0,
      sessions: 0,
      malformed: 0,
    })
    assert.equal(read(project, 'hour/2016-03-01T10.json').malformed, 3)
    const [path = ''] = globSync('data/search/split/*/rejected.jsonl.gz', { cwd: project.folder })
    const rejected = gunzipSync(readFileSync(project.path(path)))
      .toString()
      .trim()
      .split('\n')
      .map((each) => JSON.parse(each))
    assert.deepEqual(
      rejected.map(({ file, line, quarter, text }) => [file, line, quarter, text]),
      [
        ['a.log', 1, '2016-03-01T10:15', 'oops'],
        ['a.log', 3, '2016-03-01T10:15', 'bad'],
        ['a.log', 4, '2016-03-01T10:15', 'worse'],
        ['b.log', 1, null, 'nothing'],
      ],
    )
  })

  describe('from a source of other files', () => {
    const at = Date.parse('2016-03-01T10:16:00Z')
    const text = `${line({ at, address: 'x', path: '/' })}\n`
    const bytes = (hex: string) => Buffer.from(hex, 'hex')
    const bom = bytes('fffe')
    const run = async (test: TestContext, files: Record<string, string | Buffer>, links: string[][] = []) => {
      const project = testProject(test, {})
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(dirname(project.path('logs', name)), { recursive: true })
        writeFileSync(project.path('logs', name), content)
      }
      for (const [target = '', path = ''] of links) symlinkSync(target, project.path('logs', path))
      const args = ['run', 'search-quarter', '--interval', '2016-03-01T10:15', '--source', 'logs', ...config]
      return { project, ended: await project.sluice(...args) }
    }

    it('reads links, folders below, gzip by any name, and UTF-16, each file once', async (test) => {
      const files = {
        'A.GZ': gzipSync(text),
        packed: gzipSync(text),
        'plain.gz': text,
        'wide.log': Buffer.concat([bom, Buffer.from(text, 'utf16le')]),
        'bom.log': `\ufeff${text}`,
        'below/deeper/a.log': text,
        '../elsewhere/b.log': text,
      }
      const links = [
        ['below/deeper/a.log', 'current.log'],
        ['../elsewhere', 'elsewhere'],
        ['..', 'below/up'],
      ]
      const { project, ended } = await run(test, files, links)
      assert.equal(ended.code, 0, ended.stdout)
      assert.equal(read(project, 'quarter/2016-03-01T10-15.json').requests, 7)
    })

    for (const [what, content, message] of [
      ['bzip2', bytes('425a68393141592653590000'), /x is packed with bzip2/],
      ['xz', bytes('fd377a585a000004'), /x is packed with xz/],
      ['Zstandard', bytes('28b52ffd0458'), /x is packed with Zstandard/],
      ['UTF-16 without a mark', Buffer.from(text, 'utf16le'), /x is no text in UTF-8: it holds NUL bytes/],
      [
        'another format',
        '{"status": 200}\n'.repeat(3),
        /none of the 3 lines of .* is a request in the combined format/,
      ],
    ] as const)
      it(`fails for ${what}`, async (test) => {
        const source = join(temporaryFolder(test), 'x')
        writeFileSync(source, content)
        await assert.rejects(testTask(Split, { source, stamp: '1' }), message)
      })

    it('fails for a folder without a file, and for a link that leads nowhere', async (test) => {
      assert.match((await run(test, { '../other': '' }, [])).ended.stdout, /the source .*logs does not exist/)
      assert.match((await run(test, { '.hidden': text })).ended.stdout, /the source .*logs has no file/)
      const dangling = await run(test, { 'a.log': text }, [['nowhere', 'b.log']])
      assert.match(dangling.ended.stdout, /b\.log is a link that leads nowhere/)
    })
  })

  it('reads a source again only when it has changed', async (test) => {
    const at = Date.parse('2016-03-01T10:16:00Z')
    const project = testProject(test, { 'a.log': line({ at, address: 'x', path: '/' }) })
    const run = (interval: string) =>
      project.sluice('run', 'search-quarter', '--interval', interval, '--source', 'a.log', ...config)
    assert.match((await run('2016-03-01T10:15')).stdout, /Split/)
    assert.doesNotMatch((await run('2016-03-01T10:30')).stdout, /start +Split/)
    utimesSync(project.path('a.log'), 1, 1)
    assert.match((await run('2016-03-01T10:45')).stdout, /start +Split/)
  })

  it('refuses an interval that is none or has not ended, and a source that is not there', async (test) => {
    const project = testProject(test, {})
    const run = (...args: string[]) => project.sluice('run', ...args, ...config)
    assert.match(
      (await run('search-daily', '--interval', '2999-01-01')).stderr,
      /the day 2999-01-01 has not ended yet/,
    )
    assert.match(
      (await run('search-quarter', '--interval', '2016-03-01T10:20')).stderr,
      /is no quarter; write it like 2015-05-17T10:15/,
    )
    assert.match((await run('search-daily', '--interval', '2016-02-30')).stderr, /is no day/)
    const ended = await run('search-quarter', '--interval', '2016-03-01T10:15', '--source', 'none')
    assert.equal(ended.code, 1)
    assert.match(ended.stdout, /the source .*none does not exist/)
    assert.equal(existsSync(project.path('data/search')), false)
  })
})
