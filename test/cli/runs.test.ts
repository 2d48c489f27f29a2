import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { testProject } from '../support/cli.ts'

const DAYS = `
import { daily, day, pipeline, task, text } from 'sluice'
import { z } from 'zod'
const Day = task('Day', { params: { date: day(), size: z.number().default(3) }, retry: { attempts: 1 } }, ({ params }) => {
  if (params.date === '2026-01-02') throw new Error('no such day')
  return { rows: params.size, from: params.date }
})
export const days = pipeline('days', Day, { schedule: daily(), params: ({ date }) => ({ date }) })
const Long = task('Long', {}, () => 'a word '.repeat(30))
const Nothing = task('Nothing', {}, () => {})
const Both = task('Both', { requires: () => [Long(), Nothing()], output: () => text('both.txt') }, async ({ output }) => output.write('x'))
export const both = pipeline('both', Both)`

describe('runs', () => {
  it('say what each is for, its interval first, and are found by pipeline, status and time', async (test) => {
    const { sluice, jsonLines } = testProject(test, { 'pipelines/days.ts': DAYS })
    await sluice('backfill', 'days', '--from', '2026-01-01', '--to', '2026-01-03', '--inline')
    await sluice('run', 'both', '--inline')
    const { stdout } = await sluice('runs')
    assert.match(stdout, /^run +for +status/)
    assert.match(stdout, /days-\S+ +2026-01-03 date=2026-01-03,size=3 +succeeded/)
    const found = async (...args: string[]) =>
      (await jsonLines('runs', ...args)).map(({ name, status }) => `${name} ${status}`)
    assert.deepEqual(await found('--pipeline', 'days', '--failed'), ['days failed'])
    assert.deepEqual(await found('--status', 'succeeded,cancelled', '--pipeline', 'days'), [
      'days succeeded',
      'days succeeded',
    ])
    assert.equal((await found('--since', '1h')).length, 4)
    assert.equal((await found('--since', 'yesterday', '--until', 'today')).length, 4)
    assert.equal((await found('--until', '1h')).length, 0)
    assert.equal((await found('--since', '2026-01-01', '--until', '2026-01-31')).length, 0)
    assert.match((await sluice('runs', '--limit', '1')).stdout, /… and 3 more: --limit 4/)
    assert.match((await sluice('runs', '--until', '1h')).stdout, /None of 4 runs is like that/)
    const unknown = await sluice('runs', '--pipeline', 'dayz')
    assert.equal(unknown.code, 2)
    assert.match(
      unknown.stderr,
      /There is no run of dayz\. Did you mean days\?\nnext: There are runs of: days, both/,
    )
    assert.equal((await sluice('runs', '--status', 'done')).code, 2)
    assert.equal((await sluice('runs', '--since', '2026-02-30')).code, 2)
    assert.equal((await sluice('runs', '--since', '30')).code, 2)
  })
})

describe('status', () => {
  it('shows what a body without an output returned, whole for one task', async (test) => {
    const { sluice, json } = testProject(test, { 'pipelines/days.ts': DAYS })
    await sluice('run', 'days', '--date', '2026-01-01', '--inline')
    assert.match(
      (await sluice('status', 'latest')).stdout,
      /Day\(.*succeeded.*\{"rows":3,"from":"2026-01-01"\}/,
    )
    const [task] = (await json('status', 'latest')).tasks
    assert.deepEqual(task.result, { rows: 3, from: '2026-01-01' })
    const detail = (await sluice('status', 'latest', 'Day')).stdout
    assert.match(detail, /^Day\(date=2026-01-01,size=3\)\n {2}status +succeeded\n/)
    assert.match(detail, / {2}result\n {4}\{\n {6}"rows": 3,\n {6}"from": "2026-01-01"\n {4}\}/)
    await sluice('run', 'both', '--inline')
    const whole = await json('status', 'latest')
    assert.deepEqual(
      whole.tasks.map(({ result }: { result: unknown }) => result),
      [null, 'a word '.repeat(30), null],
    )
    assert.match((await sluice('status', 'latest', 'Long')).stdout, /result +"(a word ){30}"/)
    assert.match((await sluice('status', 'latest')).stdout, /"(a word )+.*…\n/)
  })

  it('shows only what failed with --failed', async (test) => {
    const { sluice, json } = testProject(test, { 'pipelines/days.ts': DAYS })
    await sluice('run', 'days', '--date', '2026-01-02', '--inline')
    const { tasks } = await json('status', 'latest', '--failed')
    assert.deepEqual(
      tasks.map(({ task }: { task: string }) => task),
      ['Day(date=2026-01-02,size=3)'],
    )
    assert.match(
      (await sluice('status', 'latest', 'Day')).stdout,
      /attempt +outcome.*\n1 +failed .*no such day/,
    )
    await sluice('run', 'both', '--inline')
    assert.deepEqual((await json('status', 'latest', '--failed')).tasks, [])
    assert.match((await sluice('status', 'latest', '--failed')).stdout, /No task has failed/)
  })
})
