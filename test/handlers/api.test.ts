import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { keys } from '../../src/core/keys.ts'
import type { LinesPage, LinesQuery } from '../../src/core/ports/looking.ts'
import { makeDeployedApi } from '../../src/homes/aws/handlers/api.ts'
import { makePlanHandler } from '../../src/homes/aws/handlers/plan.ts'
import { makeClosedShells } from '../../src/homes/aws/handlers/shells.ts'
import { ORDER_FIELD } from '../../src/homes/aws/handlers/start-run.ts'
import { makeRemoteControl } from '../../src/http/client.ts'
import { daily, day, pipeline, secret, task, text } from '../../src/index.ts'
import { functionUrl, memoryDeployment } from './deployment.ts'

const Root = task(
  'ApiRoot',
  { params: { date: day(), n: z.int().default(1) }, output: ({ date, n }) => text(`${date}-${n}.txt`) },
  async ({ output }) => output.write(''),
)
const numbered = pipeline('numbered', Root, { schedule: daily(), params: ({ date }) => ({ date, n: 2 }) })
const Secretive = task(
  'ApiSecretive',
  { secrets: { key: secret('api/key') }, output: () => text('s.txt') },
  async ({ output }) => output.write(''),
)
const secretive = pipeline('secretive', Secretive)
const date = '2026-03-01'

/** The API over memory, asked by the client of the command. */
function deployment(lines: (pool: string, query: LinesQuery) => LinesPage = () => ({ lines: [] })) {
  let now = Date.parse('2026-03-02T12:00:00Z')
  const memory = memoryDeployment([numbered, secretive], () => now)
  const values = new Map<string, string>()
  const looks: [pool: string, query: LinesQuery][] = []
  const api = makeDeployedApi({
    home: memory.home,
    project: memory.project,
    starter: memory.executions,
    machines: 'arn:sluice-',
    async setSecret(name, value) {
      memory.secrets.add(name)
      values.set(name, value)
    },
    async readLines(pool, query) {
      looks.push([pool, query])
      return lines(pool, query)
    },
    stepLines: { read: async () => ({ lines: [], found: 0 }), findLog: () => undefined },
    shells: makeClosedShells('prod'),
  })
  const controlAs = (userArn?: string) =>
    makeRemoteControl({
      base: 'https://api.example',
      fetcher: functionUrl(api, userArn),
      wait: async () => {},
    })
  const control = controlAs()
  const start = async (n?: number) => {
    const started = await control.start({ name: 'numbered', params: { date, ...(n && { n }) } })
    return (started as { run: string }).run
  }
  /** Has the execution plan its run, and everything done that there is to do. */
  const settle = async () => {
    for (const { machine, name, input } of memory.started.splice(0)) {
      const [, pipelineName] = machine.split('arn:sluice-')
      const called = pipelineName === 'Tasks' ? {} : { pipeline: pipelineName }
      const execution = `arn:aws:states:eu:1:execution:${pipelineName}:${name}`
      await makePlanHandler(
        memory.home,
        memory.project,
        memory.executions,
      )({
        ...called,
        token: name,
        execution,
        name,
        input,
      })
    }
    await memory.settle()
  }
  const pass = (ms: number) => {
    now += ms
  }
  return { ...memory, api, control, controlAs, values, looks, start, settle, pass }
}

describe('the API of a deployment', () => {
  it('starts executions, whose input says what was asked', async () => {
    const { control, started } = deployment()
    const opened = await control.start({ name: 'numbered', params: { date }, force: true })
    const { run } = opened as { run: string }
    const interval = { start: Date.parse('2026-02-01'), end: Date.parse('2026-02-02') }
    await control.start({ name: 'numbered', interval })
    await control.start({ name: 'ApiRoot', params: { date } })
    const order = (fields: object) => ({ [ORDER_FIELD]: { parsed: true, ...fields } })
    assert.deepEqual(
      started.map(({ machine, input }) => [machine, input]),
      [
        ['arn:sluice-numbered', { date, n: 1, ...order({ force: true }) }],
        ['arn:sluice-numbered', { date: '2026-02-01', n: 2, ...order({ interval }) }],
        ['arn:sluice-Tasks', { date, n: 1, ...order({ name: 'ApiRoot' }) }],
      ],
    )
    assert.equal(started[0]?.name, run)
    assert.deepEqual(await control.start({ name: 'numbered', params: { date } }), { run, opened: false })
  })

  it('notes who has started and cancelled a run, as AWS names the caller, and nobody else can', async () => {
    const { control, controlAs, settle, started } = deployment()
    const ada = 'arn:aws:sts::123456789012:assumed-role/Admin/ada'
    const bob = 'arn:aws:iam::123456789012:user/bob'
    const opened = await controlAs(ada).start({ name: 'numbered', params: { date, n: 5 } })
    const { run } = opened as { run: string }
    assert.equal(JSON.stringify(started[0]?.input).includes('ada'), false)
    await controlAs(bob).start({ name: 'numbered', params: { date, n: 5 } })
    await controlAs(bob).cancel({ run })
    const { startedBy, cancelledAt, cancelledBy } = await control.run({ run })
    assert.deepEqual(
      [startedBy, cancelledBy],
      [
        { kind: 'identity', name: ada },
        { kind: 'identity', name: bob },
      ],
    )
    assert.ok(cancelledAt)
    const unsigned = await control.start({ name: 'numbered', params: { date, n: 6 } })
    await settle()
    assert.equal((await control.run({ run: (unsigned as { run: string }).run })).startedBy, null)
  })

  it('names the execution that a person has started beside Sluice, whatever its input says', async () => {
    const { home, project, executions, control } = deployment()
    const plan = makePlanHandler(home, project, executions)
    const typed = (name: string, input: object) =>
      plan({
        token: name,
        execution: `arn:aws:states:eu:1:execution:numbered:${name}`,
        name,
        pipeline: 'numbered',
        input,
      })
    await typed('forged', { date, [ORDER_FIELD]: { by: { kind: 'identity', name: 'ada' } } })
    assert.equal((await control.runs({})).all, 0)
    await typed('typed', { date })
    const [run] = (await control.runs({})).runs
    assert.deepEqual(run?.startedBy, { kind: 'execution', name: 'numbered:typed' })
  })

  it('has runs planned, done, followed and retried', async () => {
    const { control, start, settle, started, runOf } = deployment()
    const run = await start()
    await settle()
    assert.equal((await runOf(run))?.status, 'succeeded')
    const events: string[] = []
    for await (const { event } of control.follow({ runs: [run] })) events.push(event)
    assert.deepEqual(events, ['task_ended', 'run_ended', 'end'])
    const again = (await control.retry({ run })) as { run: string }
    assert.notEqual(again.run, run)
    assert.deepEqual(started[0]?.input, { date, n: 1, [ORDER_FIELD]: { parsed: true, again: { run } } })
    await settle()
    const one = (await control.retry({ run, task: 'ApiRoot' })) as { run: string }
    assert.deepEqual([started[0]?.machine, started[0]?.name], ['arn:sluice-Tasks', one.run])
    assert.deepEqual(await control.cancel({ run: one.run }), { run: one.run, status: 'cancelled' })
  })

  it('reads lines page by page, those of one task by its streams, and looks again for late ones', async () => {
    const line = (number: number, at: number) => ({
      at,
      level: 'info' as const,
      text: `${at}`,
      number,
      attempt: 1,
    })
    const pages = deployment((_, { after = '0' }) => {
      const page = Number(after)
      const lines = Array.from({ length: 1_500 }, (_, index) => ({
        ...line(0, page * 1_500 + index),
        run: '',
      }))
      return page < 2 ? { lines, next: `${page + 1}` } : { lines }
    })
    const run = await pages.start()
    await pages.settle()
    const first = await pages.control.logs({ run })
    assert.deepEqual([first.lines.length, first.isMore], [3_000, true])
    const second = await pages.control.logs({ run, cursor: first.next })
    assert.deepEqual([second.lines.length, second.isMore], [1_500, false])
    assert.deepEqual(
      pages.looks.map(([pool, { after }]) => [pool, after]),
      [
        ['default', undefined],
        ['default', '1'],
        ['default', '2'],
      ],
    )
    const createdAt = (await pages.runOf(run))?.createdAt ?? 0
    pages.pass(60_000)
    const third = await pages.control.logs({ run, cursor: second.next })
    assert.equal(pages.looks.at(-1)?.[1].from, createdAt, 'nothing is left out')
    const fourth = await pages.control.logs({ run, cursor: third.next })
    await pages.control.logs({ run, cursor: fourth.next })
    assert.equal(pages.looks.at(-1)?.[1].from, createdAt + 30_000, 'late lines are looked for')
  })

  it('searches a bounded part of the lines with each page, the levels by the service', async () => {
    const pages = deployment((_, { after = '0' }) => {
      const page = Number(after)
      const lines = Array.from({ length: 10_000 }, (_, index) => ({
        at: page * 10_000 + index,
        level: 'error' as const,
        text: page === 5 && index === 7 ? 'the \u001b[31mNee\u001b[0mdle {"?-' : 'hay',
        number: 0,
        attempt: 1,
        run: '',
      }))
      return page < 5 ? { lines, next: `${page + 1}` } : { lines }
    })
    const run = await pages.start()
    await pages.settle()
    const createdAt = (await pages.runOf(run))?.createdAt ?? 0
    pages.pass(60_000)
    const query = { run, text: 'needle {"?-', level: 'warn' as const }
    const first = await pages.control.logs(query)
    assert.deepEqual([first.lines.length, first.isMore, first.looked], [0, true, 50_000])
    pages.pass(600_000)
    const second = await pages.control.logs({ ...query, cursor: first.next })
    assert.deepEqual(
      second.lines.map(({ at }) => at),
      [50_007],
    )
    assert.deepEqual([second.isMore, second.looked], [false, 10_000])
    assert.deepEqual(pages.looks[0]?.[1].levels, ['warn', 'error'])
    assert.equal(JSON.stringify(pages.looks).includes('eedle'), false, 'text never becomes a pattern')
    await pages.control.logs({ ...query, cursor: second.next })
    assert.equal(pages.looks.at(-1)?.[1].from, createdAt + 30_000, 'what came since the first page is read')
  })

  it('looks through all of a group where the streams of a task have no lines', async () => {
    const { control, start, settle, context, looks } = deployment()
    const run = await start()
    await settle()
    await context.ports.store.write([{ key: keys.taskRun(run, 0), set: { worker: 'fargate/abc' }, if: {} }])
    await control.logs({ run, task: '0', attempt: 1 })
    assert.deepEqual(
      looks.map(([, { streams, number, attempt }]) => [streams, number, attempt]),
      [
        [['default/worker/abc'], 0, 1],
        [undefined, 0, 1],
      ],
    )
  })

  it('sets secrets, lists those that tasks use, and never reads one', async () => {
    const { control, values } = deployment()
    const missing = async () => (await control.plan({ name: 'secretive' })).missingSecrets
    assert.deepEqual(await missing(), [
      'there is no secret api/key, which ApiSecretive needs; set it with: sluice secrets set api/key --env prod',
    ])
    await control.setSecret({ name: 'api/key', value: 'hidden' })
    assert.equal(values.get('api/key'), 'hidden')
    assert.deepEqual(await missing(), [])
    const names = await control.secrets()
    assert.deepEqual(
      names.map(({ name }) => name),
      ['api/key'],
    )
    await assert.rejects(control.removeSecret({ name: 'api/key' }), {
      code: 'invalid_usage',
      hint: /--remove-data/,
    })
  })

  it('refuses what is not done in a deployment', async () => {
    const { control, api } = deployment()
    await assert.rejects(control.prune({ olderThanMs: 0 }), {
      code: 'invalid_usage',
      message: /time to live/,
    })
    await assert.rejects(control.start({ plan: '{}', folder: '/' }), { name: 'SluiceError' })
    assert.equal((await api.request('/v1/events?runs=r')).status, 501)
    const earlier = await api.request('/ports/read', { method: 'POST', body: '{}' })
    assert.equal(earlier.status, 404)
    assert.match(await earlier.text(), /different versions/)
  })
})
