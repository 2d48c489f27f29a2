import assert from 'node:assert/strict'
import { existsSync, rmSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import { testProject } from '../support/cli.ts'

const PARTS = `
import { existsSync } from 'node:fs'
import { pipeline, task, text } from 'sluice'
import { z } from 'zod'
const Part = task('Part', { params: { part: z.int() }, output: ({ part }) => text(part + '.txt') }, async ({ params, output }) => {
  if (params.part > 1 && !existsSync('mended')) throw new Error('not yet')
  await output.write('made')
})
const All = task('All', { params: { name: z.string() }, requires: () => [1, 2, 3].map((part) => Part({ part })), output: ({ name }) => text(name + '.txt') }, async ({ output }) => output.write('all'))
export const parts = pipeline('parts', All)`

async function failed(test: TestContext, ...names: string[]) {
  const project = testProject(test, { 'pipelines/p.ts': PARTS })
  for (const name of names) assert.equal((await project.sluice('run', 'parts', '--name', name)).code, 1)
  return project
}

describe('--where', () => {
  it('lists the tasks of a selection', async (test) => {
    const project = await failed(test, 'a')
    const { tasks } = await project.json('status', 'latest', '--where', 'family=Part status=failed part>2')
    assert.deepEqual(
      tasks.map(({ task }: { task: string }) => task),
      ['Part(part=3)'],
    )
    const wrong = await project.sluice('status', 'latest', '--where', 'stat=failed')
    assert.equal(wrong.code, 2)
    assert.match(wrong.stderr, /has the parameter stat.*status, family/s)
    assert.equal((await project.sluice('status', 'latest', 'Part', '--where', 'part=1')).code, 2)
  })

  it('shows what an act affects, asks, and acts: here in two runs', async (test) => {
    const project = await failed(test, 'a', 'b')
    const act = ['retry', '--where', 'pipeline=parts family=Part status=failed']
    const shown = await project.json(...act, '--dry-run')
    assert.deepEqual(
      shown.runs.map(({ affected }: { affected: { retry: number } }) => affected.retry),
      [2, 2],
    )
    const refused = await project.sluice(...act)
    assert.equal(refused.code, 2)
    assert.match(refused.stderr, /4 tasks in 2 runs would run again\. Nothing was changed.*--yes/s)
    assert.equal((await project.jsonLines('runs')).length, 2)
    project.write('mended', '')
    const done = await project.sluice(...act, '--yes')
    assert.equal(done.code, 0, done.stderr)
    assert.ok(existsSync(project.path('data/3.txt')) && !existsSync(project.path('data/a.txt')))
    const again = await project.sluice(...act, '--yes')
    assert.equal(again.code, 0)
    assert.match(again.stdout, /complete/)
    rmSync(project.path('data/3.txt'))
    assert.equal((await project.sluice(...act, '--yes')).code, 0)
    assert.ok(existsSync(project.path('data/3.txt')))
  })

  it('marks, and refuses what selects nothing or is no act on tasks', async (test) => {
    const project = await failed(test, 'a')
    const mark = await project.sluice('mark', 'latest', 'succeeded', '--where', 'status=failed', '--yes')
    assert.equal(mark.code, 0, mark.stderr)
    assert.ok(existsSync(project.path('data/a.txt')))
    const code = async (...args: string[]) => (await project.sluice(...args)).code
    assert.equal(await code('cancel', 'latest', '--where', 'status=running', '--yes'), 2)
    assert.equal(await code('cancel', '--where', 'family=Non', '--yes'), 2)
    assert.equal(await code('retry', '--yes'), 2)
    assert.equal(await code('retry', 'latest', '--dry-run'), 2)
    assert.equal(await code('retry', 'latest', '--task', 'All', '--where', 'part=1'), 2)
    assert.equal(await code('mark', 'latest', 'failed', '--where', 'part=1', '--yes'), 2)
    assert.equal(await code('mark', 'latest', 'Part', 'succeeded', '--where', 'part=1'), 2)
  })
})
