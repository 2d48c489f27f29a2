import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type Started, type TestProject, testProject } from '../support/cli.ts'
import { projectFolder } from '../support/folders.ts'

const DAYS = `
import { daily, pipeline, task, text } from 'sluice'
import { z } from 'zod'
const Day = task('Day', { params: { date: z.string() }, output: ({ date }) => text(date + '.txt'), budgets: { calls: 1 } },
  async ({ output }) => output.write('1'))
export const days = pipeline('days', Day, { schedule: daily(), params: ({ date }) => ({ date }) })`

const SIMULATION = `
import { simulate } from 'sluice'
import { days } from './pipelines/days.ts'
await simulate(days, {
  from: '2026-03-01',
  to: '2026-03-10',
  budgets: { calls: { limit: 100, per: 'month' } },
  fail: ({ params }) => (params.date === '2026-03-03' ? 'the third is bad' : undefined),
  state: process.argv[2],
})`

const CONFIG = `
import { defineConfig } from 'sluice'
export default defineConfig({ pipelines: ['pipelines/*.ts'], budgets: { calls: { limit: 100, per: 'month' } } })`

const library = pathToFileURL(join(projectFolder, 'src/project/resolve-self.ts')).href

const simulateIn = ({ folder }: TestProject, state: string) =>
  execFileSync(process.execPath, ['--import', library, 'simulation.ts', state], {
    cwd: folder,
    stdio: 'pipe',
  })

const project = (test: TestContext) =>
  testProject(test, { 'pipelines/days.ts': DAYS, 'simulation.ts': SIMULATION, 'sluice.config.ts': CONFIG })

/** Resolves once the command has printed this. */
const seeing = ({ child, stdout }: Started, text: string) =>
  new Promise<void>((resolve) => {
    child.stdout?.on('data', () => {
      if (stdout().includes(text)) resolve()
    })
  })

const STATE = ['--state', 'simulated'] as const

describe('a state that was simulated', () => {
  it('is looked at with the times of its clock, and nothing changes it', async (test) => {
    const made = project(test)
    simulateIn(made, 'simulated')
    const hash = () =>
      createHash('sha256')
        .update(readFileSync(made.path('simulated/state.db')))
        .digest('hex')
    const before = hash()
    const runs = await made.jsonLines('runs', ...STATE, '--limit', '100')
    // The failed interval was opened again, as schedules do.
    const failed = runs.filter(({ status }) => status === 'failed')
    assert.equal(runs.filter(({ status }) => status === 'succeeded').length, 9)
    assert.ok(failed.length > 1)
    const times = runs.map(({ createdAt }) => new Date(createdAt).toISOString())
    assert.ok(
      times.every((at) => at.startsWith('2026-03-')),
      times.join(' '),
    )
    const { tasks } = await made.json('status', failed[0].run, ...STATE)
    assert.equal(tasks[0].failure.message, 'the third is bad')
    // No body has printed a line: what is there is why its attempts ended.
    const { stdout } = await made.sluice('logs', failed[0].run, ...STATE)
    assert.match(stdout, /^(\S+ error failed: the third is bad\n)+$/)
    const [budget] = await made.jsonLines('budgets', ...STATE)
    assert.equal(budget.windowEndsAt, Date.parse('2026-04-01T00:00:00Z'))
    const [pipeline] = await made.jsonLines('pipelines', ...STATE)
    assert.equal(new Date(pipeline.schedule.nextAt).toISOString().slice(0, 7), '2026-03')
    const { run } = runs.at(-1)
    for (const act of [
      ['run', 'days', '--date', '2026-03-20'],
      ['retry', failed[0].run],
      ['mark', failed[0].run, 'Day', 'succeeded'],
      ['prune', '--older-than', '1d', '--yes'],
      ['pause', 'days'],
      ['backfill', 'days', '--from', '2026-02-01', '--to', '2026-02-02'],
    ]) {
      const { code, stderr } = await made.sluice(...act, ...STATE)
      assert.deepEqual([act[0], code], [act[0], 2])
      assert.match(stderr, /simulated\/state\.db was simulated: it can be looked at/, act.join(' '))
    }
    // A run that has ended is not cancelled anywhere.
    assert.notEqual((await made.sluice('cancel', run, ...STATE)).code, 0)
    assert.equal(hash(), before)
  })

  it('is served by `dev` without engine and schedules, until it is simulated anew', async (test) => {
    const made = project(test)
    simulateIn(made, 'simulated')
    const dev = made.start(['dev', '--port', '0', ...STATE])
    await Promise.race([dev.ended, seeing(dev, 'nothing starts')])
    assert.match(dev.stdout(), /The runs were simulated, up to 2026-03-/)
    const [, origin, token = ''] =
      /API listens on (\S+)\/v1\/runs; its token is in (.+)/.exec(dev.stdout()) ?? []
    const headers = {
      authorization: `Bearer ${readFileSync(token, 'utf8').trim()}`,
      'content-type': 'application/json',
    }
    const told = await fetch(`${origin}/v1/server`, { headers })
    const server = (await told.json()) as { readOnly: boolean; simulatedUntil: number }
    assert.equal(server.readOnly, true)
    // Pages reckon by this clock.
    assert.equal(told.headers.get('date'), new Date(server.simulatedUntil).toUTCString())
    const body = JSON.stringify({ name: 'days', params: { date: '2026-03-20' } })
    const refused = await fetch(`${origin}/v1/runs`, { method: 'POST', headers, body })
    assert.equal(refused.status, 403)
    assert.match(await refused.text(), /was simulated: it can be looked at/)
    simulateIn(made, 'simulated')
    const { code, stderr } = await dev.ended
    assert.equal(code, 3)
    assert.match(stderr, /was replaced by another file/)
  })

  it('is never made over the state of real runs', async (test) => {
    const made = project(test)
    await made.sluice('run', 'days', '--date', '2026-03-01')
    assert.throws(
      () => simulateIn(made, '.sluice'),
      /has the state of real runs, with which a simulation is not mixed/,
    )
    assert.equal((await made.jsonLines('runs')).length, 1)
  })
})
