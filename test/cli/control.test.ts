import assert from 'node:assert/strict'
import { chmodSync, cpSync, existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import { describe, it, type TestContext } from 'node:test'
import { buildConsole } from '../../console/build.ts'
import { type Started, type TestProject, testProject } from '../support/cli.ts'
import { projectFolder, temporaryFolder } from '../support/folders.ts'

const CHAIN = `
import { appendFileSync } from 'node:fs'
import { pipeline, task, text } from 'sluice'
const ran = (name: string) => appendFileSync('ran', name + '\\n')
const A = task('A', { output: () => text('a.txt') }, async ({ output }) => { ran('A'); await output.write('a') })
const B = task('B', { requires: () => A(), output: () => text('b.txt') }, async ({ input, output }) => { ran('B'); await output.write(await input.read() + 'b') })
const C = task('C', { requires: () => B(), output: () => text('c.txt') }, async ({ input, output }) => { ran('C'); await output.write(await input.read() + 'c') })
export const chain = pipeline('chain', C)
export const counted = pipeline('counted', task('Counted', {}, () => ({ rows: 3 })))`

const ran = (project: TestProject) => {
  const names = existsSync(project.path('ran'))
    ? readFileSync(project.path('ran'), 'utf8').trim().split('\n')
    : []
  rmSync(project.path('ran'), { force: true })
  return names
}

/** A checkout with a console of its own: a clean one has none, and the test of the package builds and removes that of this one meanwhile. */
async function buildCheckout(test: TestContext): Promise<string> {
  const folder = temporaryFolder(test)
  for (const name of ['bin', 'src', 'package.json'])
    cpSync(join(projectFolder, name), join(folder, name), { recursive: true })
  symlinkSync(join(projectFolder, 'node_modules'), join(folder, 'node_modules'))
  await buildConsole(join(folder, 'dist/console'))
  return folder
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (await isSo()) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.fail(`never: ${what}`)
}

/** The status of a request with any Host header; `fetch` sets its own. */
function statusFor(url: string, host: string): Promise<number> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.end(`GET /api/runs HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
  return readText(socket).then((answer) => Number(answer.split(' ')[1]))
}

describe('--force', () => {
  it('runs the root again, or a task and what is downstream of it', async (test) => {
    const project = testProject(test, { 'pipelines/p.ts': CHAIN })
    await project.sluice('run', 'chain')
    assert.deepEqual(ran(project), ['A', 'B', 'C'])
    assert.match((await project.sluice('run', 'chain')).stdout, /Nothing to do/)
    assert.equal((await project.sluice('run', 'chain', '--force')).code, 0)
    assert.deepEqual(ran(project), ['C'])
    assert.equal((await project.sluice('run', 'chain', '--force', 'B')).code, 0)
    assert.deepEqual(ran(project), ['B', 'C'])
    const plan = (await project.sluice('plan', 'chain', '--force', 'A')).stdout
    assert.match(plan, /3 to run, 0 complete/)
    assert.match(plan, /run +A +forced, made again: file:.*a\.txt/)
    assert.doesNotMatch(plan, /missing/)
    rmSync(project.path('data/c.txt'))
    const missing = (await project.sluice('plan', 'chain', '--force', 'B')).stdout
    assert.match(missing, /run +C +missing: file:.*c\.txt/)
    assert.match(missing, /complete +A +there: /)
  })

  it('names what there is when nothing is called so', async (test) => {
    const project = testProject(test, { 'pipelines/p.ts': CHAIN })
    const { code, stderr } = await project.sluice('run', 'chain', '--force', 'D')
    assert.equal(code, 2)
    assert.match(stderr, /Nothing below C is called D\.\nnext: .*there are: C, B, A/)
  })
})

describe('mark', () => {
  it('counts a failed task as succeeded, and the next run goes on from there', async (test) => {
    const project = testProject(test, {
      'pipelines/p.ts': `
import { pipeline, task, text } from 'sluice'
const Bad = task('Bad', { retry: { attempts: 1 } }, () => { throw new Error('no') })
const Next = task('Next', { requires: () => ({ bad: Bad() }), output: () => text('next.txt') }, async ({ output }) => output.write('ok'))
export const p = pipeline('p', Next)`,
    })
    assert.equal((await project.sluice('run', 'p')).code, 1)
    const wrong = await project.sluice('mark', 'latest', 'Bad', 'failed')
    assert.equal(wrong.code, 2)
    const marked = await project.sluice('mark', 'latest', 'Bad', 'succeeded')
    assert.equal(marked.code, 0, marked.stdout + marked.stderr)
    assert.equal(readFileSync(project.path('data/next.txt'), 'utf8'), 'ok')
  })

  it('ends a task that waits in an open run', async (test) => {
    const project = testProject(test, {
      'pipelines/p.ts': `
import { external, file, pipeline, task, text } from 'sluice'
const There = external('There', { output: () => file('there') })
const Next = task('Next', { requires: () => ({ there: There() }), output: () => text('next.txt') }, async ({ output }) => output.write('ok'))
export const p = pipeline('p', Next)`,
    })
    assert.equal((await project.sluice('run', 'p', '--wait', '200ms')).code, 4)
    assert.match(
      (await project.sluice('why', 'latest', 'There')).stdout,
      /its target is not there yet: file:/,
    )
    assert.match(
      (await project.sluice('why', 'latest', 'Next')).stdout,
      /upstream has not ended: There \(waiting\)/,
    )
    assert.equal((await project.sluice('mark', 'latest', 'There', 'succeeded')).code, 0)
    assert.equal((await project.sluice('run', 'p')).code, 0)
  })
})

describe('prune', () => {
  it('forgets runs that ended before, and nothing else', async (test) => {
    const project = testProject(test, { 'pipelines/p.ts': CHAIN })
    await project.sluice('run', 'chain')
    assert.deepEqual((await project.json('prune', '--older-than', '1h')).pruned, [])
    const { pruned } = await project.json('prune', '--older-than', '0s', '--yes')
    assert.equal(pruned.length, 1)
    assert.equal((await project.sluice('runs', '--json')).stdout, '')
    assert.equal(existsSync(project.path('.sluice/logs', pruned[0])), false)
    assert.equal(existsSync(project.path('data/c.txt')), true)
    assert.match((await project.sluice('run', 'chain')).stdout, /Nothing to do/)
    assert.equal((await project.sluice('run', 'chain', '--force')).code, 0)
  })
})

describe('prune', () => {
  it('asks before it forgets more than half of all runs', async (test) => {
    const project = testProject(test, { 'pipelines/p.ts': CHAIN })
    await project.sluice('run', 'chain', '--inline')
    const refused = await project.sluice('prune', '--older-than', '0s')
    assert.equal(refused.code, 2)
    assert.match(refused.stderr, /1 of 1 runs ended before that\. Nothing was forgotten\.\nnext: .*--yes/)
    assert.equal((await project.jsonLines('runs')).length, 1)
    assert.equal((await project.sluice('prune', '--older-than', '0s', '--yes')).code, 0)
    assert.equal((await project.jsonLines('runs')).length, 0)
  })
})

const SCHEDULED = `
import { appendFileSync } from 'node:fs'
import { cron, daily, pipeline, task } from 'sluice'
import { z } from 'zod'
const Day = task('Day', { params: { date: z.string() } }, ({ params }) => { appendFileSync('days', params.date + '\\n') })
export const days = pipeline('days', Day, { schedule: daily(), params: ({ date }) => ({ date }) })
const Tick = task('Tick', { params: { start: z.string() } }, ({ params }) => { appendFileSync('ticks', params.start + '\\n') })
export const ticks = pipeline('ticks', Tick, { schedule: cron('*/2 * * * * *'), params: ({ start }) => ({ start }) })
export const never = pipeline('never', Day)`

describe('backfill', () => {
  it('runs every interval of a range that is not complete, and only those', async (test) => {
    const project = testProject(test, { 'pipelines/p.ts': SCHEDULED })
    assert.equal((await project.sluice('run', 'days', '--date', '2026-01-02')).code, 0)
    const ended = await project.json('backfill', 'days', '--from', '2026-01-01', '--to', '2026-01-03')
    assert.deepEqual(
      ended.intervals.map((each: { status: string }) => each.status),
      ['succeeded', 'complete', 'succeeded'],
    )
    assert.deepEqual(readFileSync(project.path('days'), 'utf8').trim().split('\n').sort(), [
      '2026-01-01',
      '2026-01-02',
      '2026-01-03',
    ])
  })

  it('runs several pipelines, the oldest interval first, and shows before what would run', async (test) => {
    const more = SCHEDULED.replace(
      'export const ticks',
      "export const other = pipeline('other', Day, { schedule: daily(), params: ({ date }) => ({ date: 'o' + date }) })\nexport const ticks",
    )
    const project = testProject(test, { 'pipelines/p.ts': more })
    assert.equal((await project.sluice('run', 'days', '--date', '2026-01-02')).code, 0)
    const args = ['backfill', 'days', 'other', '--from', '2026-01-01', '--to', '2026-01-02']
    const shown = await project.jsonLines(...args, '--dry-run')
    assert.deepEqual(
      shown.map(({ pipeline, all, complete }: Record<string, unknown>) => [pipeline, all, complete]),
      [
        ['days', 2, 1],
        ['other', 2, 0],
      ],
    )
    assert.equal((await project.jsonLines('runs')).length, 1)
    const { code, stdout } = await project.sluice(...args, '--max-active-runs', '1')
    assert.equal(code, 0, stdout)
    assert.match(
      stdout,
      /days: 2 intervals, 1 of them complete\nother: 2 intervals, 0 of them complete\n3 runs to start/,
    )
    const ran = readFileSync(project.path('days'), 'utf8').trim().split('\n')
    assert.deepEqual(ran, ['2026-01-02', '2026-01-01', 'o2026-01-01', 'o2026-01-02'])
    assert.equal((await project.sluice(...args, '--date', '2026-01-01')).code, 2)
  })

  it('goes on with later intervals where the first ones only wait, and says for what each waits', async (test) => {
    const project = testProject(test, {
      'pipelines/p.ts': `
import { daily, day, external, pipeline, task, text } from 'sluice'
const File = external('File', { params: { date: day() }, output: ({ date }) => text(\`in/\${date}.txt\`) })
const Day = task('Day', { params: { date: day() }, requires: ({ date }) => ({ file: File({ date }) }), output: ({ date }) => text(\`out/\${date}.txt\`) }, async ({ output }) => output.write('x'))
export const days = pipeline('days', Day, { schedule: daily(), params: ({ date }) => ({ date }) })`,
      'data/in/2026-01-04.txt': '',
      'data/in/2026-01-05.txt': '',
    })
    const args = ['--from', '2026-01-01', '--to', '2026-01-05', '--max-active-runs', '2', '--wait', '3s']
    const { code, stdout } = await project.sluice('backfill', 'days', ...args)
    assert.equal(code, 4, stdout)
    assert.match(stdout, /Backfill of days: 3 running, 2 succeeded/)
    assert.match(
      stdout,
      /Waiting:\n {2}2026-01-01.*: File\(date=2026-01-01\): its target is not there yet: file:.*in\/2026-01-01\.txt/,
    )
    const range = ['--from', '2026-01-01', '--to', '2026-01-05']
    const shown = await project.sluice('backfill', 'days', ...range, '--dry-run')
    assert.match(shown.stdout, /5 intervals, 2 of them complete, 3 with an open run/)
    const [preview] = await project.jsonLines('backfill', 'days', ...range, '--dry-run')
    assert.equal(preview.open, 3)
    assert.equal(preview.intervals.filter(({ run }: { run: string | null }) => run !== null).length, 3)
    const { intervals } = await project.json('backfill', 'days', ...args)
    assert.deepEqual(
      intervals.map((each: { waits?: string[] }) => each.waits?.length ?? 0),
      [1, 1, 1, 0, 0],
    )
  })

  it('says what is wrong with a range, and asks before many', async (test) => {
    const project = testProject(test, { 'pipelines/p.ts': SCHEDULED })
    const refused = async (name: string, from: string, to: string, says: RegExp) => {
      const { code, stderr } = await project.sluice('backfill', name, '--from', from, '--to', to)
      assert.equal(code, 2, stderr)
      assert.match(stderr, says)
    }
    await refused('days', '2026-01-03', '2026-01-01', /--from 2026-01-03 is after --to 2026-01-01/)
    await refused('days', '2026-01-01', '2099-01-01', /has not ended yet/)
    await refused('days', '2026-02-30', '2026-03-01', /--from 2026-02-30 is no time that exists/)
    await refused('never', '2026-01-01', '2026-01-02', /never has no schedule/)
    await refused(
      'ticks',
      '2026-01-01',
      '2026-01-03',
      /The range has 129600 intervals\. Nothing was started\./,
    )
  })
})

describe('dev', () => {
  const start = async (
    project: TestProject,
    flags: string[] = [],
  ): Promise<{ started: Started; url: string; token: string }> => {
    const started = project.start(['dev', '--port', '0', '--inline', ...flags])
    await until('the API listens', () => started.stdout().includes('/v1/runs'))
    const token = readFileSync(project.path('.sluice/api-token'), 'utf8').trim()
    return { started, token, url: /http:\/\/[^/]+/.exec(started.stdout())?.[0] ?? '' }
  }
  const stop = async ({ started }: { started: Started }) => {
    started.child.kill('SIGINT')
    return started.ended
  }

  it('starts schedules that were resumed; three intervals without it run once each, oldest first', async (test) => {
    const project = testProject(test, { 'pipelines/p.ts': SCHEDULED })
    const ticks = () =>
      existsSync(project.path('ticks')) ? readFileSync(project.path('ticks'), 'utf8').trim().split('\n') : []
    const first = await start(project)
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    assert.deepEqual(ticks(), [], 'it starts paused')
    await project.sluice('resume', 'ticks')
    await until('two intervals', () => ticks().length >= 2)
    assert.match(
      first.started.stdout(),
      /Schedules: 2, of which 2 paused \(to start: sluice resume PIPELINE\)/,
    )
    assert.equal((await stop(first)).code, 0)
    const before = ticks().length
    await new Promise((resolve) => setTimeout(resolve, 6_500))
    const second = await start(project)
    await until('what was missed has run', () => ticks().length >= before + 4)
    await project.sluice('pause', 'ticks')
    const { stdout } = await stop(second)
    assert.match(stdout, /Schedules: 2, of which 1 paused \(to start: sluice resume days\)/)
    const all = ticks().map((each) => Date.parse(each))
    assert.ok(
      all.every((each, index) => index === 0 || each === (all[index - 1] ?? 0) + 2_000),
      ticks().join(' '),
    )
  })

  it('answers on loopback: runs, tasks, work and limits; and acts', async (test) => {
    const project = testProject(test, { 'pipelines/p.ts': `${SCHEDULED}\n`, 'pipelines/chain.ts': CHAIN })
    const dev = await start(project)
    const get = async (path: string, init?: RequestInit) => {
      const headers = { authorization: `Bearer ${dev.token}`, ...init?.headers }
      const response = await fetch(dev.url + path, { ...init, headers })
      // biome-ignore lint/suspicious/noExplicitAny: data of the API, whatever it is
      return { status: response.status, body: (await response.json()) as any }
    }
    const post = (path: string, body: unknown, headers = {}) =>
      get(path, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...headers },
      })
    const started = await post('/api/runs', { name: 'chain' })
    assert.equal(started.status, 201)
    const { run } = started.body
    await until('the run has ended', async () => (await get(`/api/runs/${run}`)).body.status === 'succeeded')
    assert.equal((await get('/api/runs')).body[0].run, run)
    assert.equal(
      (await get('/api/runs?pipeline=chain&status=succeeded,failed&since=0&limit=5')).body.length,
      1,
    )
    assert.equal((await get(`/api/runs?until=${encodeURIComponent('2026-01-01T00:00:00Z')}`)).body.length, 0)
    for (const wrong of ['pipeline=chian', 'status=done', 'since=x', 'limit=0', 'other=1'])
      assert.ok([400, 404].includes((await get(`/api/runs?${wrong}`)).status), wrong)
    const counted = await post('/api/runs', { name: 'Counted' })
    const result = async () => (await get(`/api/runs/${counted.body.run}`)).body.tasks[0].result
    await until('the result is shown', async () => (await result())?.rows === 3)
    assert.deepEqual((await get(`/api/runs/${counted.body.run}/tasks/0`)).body.result, { rows: 3 })
    assert.equal((await get(`/api/runs/${run}/tasks/A`)).body.status, 'succeeded')
    assert.deepEqual((await get('/api/work')).body, { running: [], pending: [] })
    assert.equal((await get('/api/pipelines')).body.length, 5)
    assert.deepEqual((await get('/api/budgets')).body, [])
    assert.equal((await post('/api/runs', { name: 'chain' })).body.status, 'complete')
    assert.equal((await post('/api/runs', { name: 'chian' })).status, 404)
    assert.equal((await post('/api/runs', { nam: 'chain' })).status, 400)
    assert.equal((await post(`/api/runs/${run}/cancel`, {})).body.cancelled, false)
    assert.equal((await post('/api/pipelines/days/resume', {})).body.paused, false)
    assert.equal((await get('/api/runs', { headers: { origin: 'http://evil.example' } })).status, 403)
    assert.equal((await get('/api/runs', { method: 'POST', body: '{}' })).status, 415)
    assert.equal((await get('/api/nothing')).status, 404)
    for (const authorization of ['', 'Bearer wrong']) {
      assert.equal((await get('/api/runs', { headers: { authorization } })).status, 401, 'no token')
      assert.equal((await post('/api/runs', { name: 'chain' }, { authorization })).status, 401)
    }
    for (const host of ['', 'a b', 'evil.example'])
      assert.ok([400, 403].includes(await statusFor(dev.url, host)), `Host: ${host}`)
    await stop(dev)
  })

  it('changes nothing with --read-only, however it is asked, and still shows plans', async (test) => {
    const project = testProject(test, { 'pipelines/p.ts': SCHEDULED, 'pipelines/chain.ts': CHAIN })
    const dev = await start(project, ['--read-only'])
    const ask = async (method: string, path: string, body?: object) => {
      const headers = { authorization: `Bearer ${dev.token}`, 'content-type': 'application/json' }
      const init = { method, headers, ...(body && { body: JSON.stringify(body) }) }
      const response = await fetch(dev.url + path, init)
      // biome-ignore lint/suspicious/noExplicitAny: data of the API, whatever it is
      return { status: response.status, body: (await response.json()) as any }
    }
    assert.deepEqual((await ask('GET', '/v1/server')).body, {
      readOnly: true,
      simulatedUntil: null,
      deployment: null,
    })
    assert.equal((await ask('POST', '/v1/plan', { name: 'chain' })).status, 200)
    assert.equal((await ask('POST', '/v1/changes', { runs: [] })).status, 200)
    const acts: [method: string, path: string, body?: object][] = [
      ['POST', '/v1/runs', { name: 'chain' }],
      ['POST', '/v1/runs', { plan: '' }],
      ...['retry', 'cancel', 'mark'].map((act): [string, string, object] => [
        'POST',
        `/v1/runs/latest/${act}`,
        {},
      ]),
      ['POST', '/v1/pipelines/days/pause', {}],
      ['POST', '/v1/pipelines/days/resume', {}],
      ['POST', '/v1/prune', { olderThanMs: 0, confirmed: true }],
      ['PUT', '/v1/secrets/a', { value: 'b' }],
      ['DELETE', '/v1/secrets/a'],
    ]
    for (const [method, path, body] of acts) {
      const { status, body: answer } = await ask(method, path, body)
      assert.deepEqual([status, answer.error.code], [403, 'read_only'], path)
    }
    for (const path of ['/api/runs', '/api/pipelines/days/resume']) {
      const { status, body: answer } = await ask('POST', path, { name: 'chain' })
      assert.deepEqual([status, answer.error], [403, 'read_only'], path)
    }
    assert.deepEqual((await ask('GET', '/v1/runs')).body.runs, [])
    await stop(dev)
  })

  it('gives the browser a file of this user alone, so that no argument shows the token', async (test) => {
    const project = testProject(test, { 'pipelines/chain.ts': CHAIN })
    for (const name of ['xdg-open', 'open']) {
      project.write(
        `bin/${name}`,
        '#!/bin/sh\nstat -c %a "$1" > opened.mode; cp "$1" opened.html; echo "$@" > opened.args\n',
      )
      chmodSync(project.path(`bin/${name}`), 0o755)
    }
    const env = { PATH: `${project.path('bin')}:${process.env.PATH}` }
    const version = await buildCheckout(test)
    const started = project.start(['dev', '--port', '0', '--inline', '--open'], { env, version })
    await until('the browser was opened', () => existsSync(project.path('opened.args')))
    const token = readFileSync(project.path('.sluice/api-token'), 'utf8').trim()
    const [given, page, mode] = ['args', 'html', 'mode'].map((end) =>
      readFileSync(project.path(`opened.${end}`), 'utf8'),
    )
    assert.doesNotMatch(given ?? '', new RegExp(token))
    assert.match(page ?? '', new RegExp(`url=http://127.0.0.1:\\d+/\\?token=${token}"`))
    assert.equal(mode?.trim(), '600')
    await stop({ started })
    assert.equal(existsSync((given ?? '').trim()), false, 'the file is gone')
  })
})
