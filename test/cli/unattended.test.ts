import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { describe, it } from 'node:test'
import { type TestProject, testProject } from '../support/cli.ts'

const LONG = `
import { existsSync, writeFileSync } from 'node:fs'
import { pipeline, task, text } from 'sluice'
const Long = task('Long', { output: () => text('long.txt') }, async ({ output }) => {
  writeFileSync('begun', '')
  while (!existsSync('enough')) await new Promise((resolve) => setTimeout(resolve, 50))
  await output.write('x')
})
const After = task('After', { requires: () => Long(), output: () => text('after.txt') }, async ({ output }) => output.write('x'))
export const long = pipeline('long', After)`

/** Starts the run and returns when its first body has begun. */
async function begun(project: TestProject) {
  const started = project.start(['run', 'long'])
  while (!existsSync(project.path('begun'))) await new Promise((resolve) => setTimeout(resolve, 50))
  return started
}

/** Looks again until it is so: a process that has just gone is told from one that is about to say that it works. */
async function until<T>(look: () => Promise<T>, isSo: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await look()
    if (isSo(found)) return found
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

describe('a run whose process was killed', () => {
  it('is shown as one that no process works on, since when, and how to go on', async (test) => {
    const project = testProject(test, { 'pipelines/long.ts': LONG })
    const { child, ended } = await begun(project)
    const attended = await project.json('status', 'latest')
    assert.equal(attended.unattendedSince, null)
    assert.doesNotMatch((await project.sluice('runs')).stdout, /no process/)
    child.kill('SIGKILL')
    await ended
    const killedAt = Date.now()
    const look = () => project.json('status', 'latest')
    const { unattendedSince } = await until(look, (found) => found.unattendedSince !== null)
    assert.ok(unattendedSince <= killedAt && unattendedSince >= attended.createdAt)
    const since = /no process works on it since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/i
    const status = (await project.sluice('status', 'latest')).stdout
    assert.match(status, since)
    assert.match(status, /Go on with the same command or sluice retry long-\S+, or leave it to sluice dev/)
    assert.match((await project.sluice('runs')).stdout, since)
    const why = (await project.sluice('why', 'latest', 'Long')).stdout
    assert.match(why, since)
    assert.match(why, /attempt 1 ran when its process ended: it counts as lost and is made again/)
    assert.match((await project.sluice('why', 'latest', 'After')).stdout, since)
    project.write('enough', '')
    const again = await project.sluice('retry', 'latest')
    assert.equal(again.code, 0, again.stdout + again.stderr)
    assert.equal((await project.json('runs')).unattendedSince, null)
  })

  it('is attended while another process works on it, and not by one that works on another run', async (test) => {
    const project = testProject(test, {
      'pipelines/long.ts': LONG,
      'pipelines/other.ts': `
import { existsSync } from 'node:fs'
import { pipeline, task } from 'sluice'
const Other = task('Other', {}, async () => { while (!existsSync('enough')) await new Promise((r) => setTimeout(r, 50)) })
export const other = pipeline('other', Other)`,
    })
    const first = await begun(project)
    first.child.kill('SIGKILL')
    await first.ended
    const other = project.start(['run', 'other'])
    await until(
      () => project.jsonLines('runs', '--pipeline', 'other').catch(() => []),
      (runs) => runs.length > 0,
    )
    const look = async () => (await project.jsonLines('runs', '--pipeline', 'long'))[0].unattendedSince
    await until(look, (since) => since !== null)
    const dev = project.start(['dev', '--port', '0'])
    await until(look, (since) => since === null)
    project.write('enough', '')
    assert.equal((await other.ended).code, 0)
    dev.child.kill('SIGINT')
    await dev.ended
  })

  it('leaves no mark of a process that ended by itself', async (test) => {
    const project = testProject(test, { 'pipelines/long.ts': LONG, enough: '' })
    assert.equal((await project.sluice('run', 'long')).code, 0)
    assert.deepEqual(readdirSync(project.path('.sluice/workers')), [])
  })
})
