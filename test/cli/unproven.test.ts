import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { pruneRunsBefore } from '../../src/control/prune.ts'
import { openLocalHome } from '../../src/homes/local/home.ts'
import { type TestProject, testProject } from '../support/cli.ts'

const plan = (...tasks: object[]) =>
  [{ plan: 1, pipeline: 'demo' }, ...tasks].map((line) => JSON.stringify(line)).join('\n')
const sh = (script: string) => ['sh', '-c', script]
const HALF_THEN_WHOLE =
  'if [ -f again ]; then echo whole > data/out.txt; else echo half > data/out.txt; touch again; exit 1; fi'
const read = (project: TestProject, path: string) => readFileSync(project.path(path), 'utf8')

/** A body that writes its target itself, half of it first; `how` is what happens then, unless a file `ok` is there. */
const WRITER = (how: string, more = '') => `
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { pipeline, task, text } from 'sluice'
const path = 'data/out.txt'
const A = task('A', { output: () => text('out.txt'), retry: { attempts: 1 } ${more} }, async ({ output, signal }) => {
  mkdirSync('data', { recursive: true })
  writeFileSync(path, 'half')
  if (!existsSync('ok')) { ${how} }
  writeFileSync(path, 'whole')
})
const B = task('B', { requires: () => A(), output: () => text('b.txt') }, async ({ input, output }) => output.write(await input.read()))
export const p = pipeline('p', B)`

describe('what an unsuccessful attempt left', () => {
  it('of a command that writes its target itself is not believed by its next attempt, nor by a later run', async (test) => {
    const command = { task: 'a', command: sh(HALF_THEN_WHOLE), output: 'out.txt' }
    const next = { task: 'b', requires: ['a'], command: sh('cp data/out.txt data/b.txt'), output: 'b.txt' }
    const retried = { ...command, retry: { attempts: 2, delaySeconds: 0.01 } }
    for (const first of [retried, command]) {
      const project = testProject(test, { 'plan.jsonl': plan(first, next), 'data/.keep': '' })
      const ended = await project.sluice('run', '--plan', 'plan.jsonl')
      assert.equal(ended.code, first === retried ? 0 : 1, ended.stdout)
      if (first === command) {
        assert.equal(existsSync(project.path('data/b.txt')), false)
        assert.equal((await project.sluice('run', '--plan', 'plan.jsonl')).code, 0)
      }
      assert.equal(read(project, 'data/b.txt'), 'whole\n')
      assert.match((await project.sluice('run', '--plan', 'plan.jsonl')).stdout, /Nothing to do/)
    }
  })

  for (const [how, code, more] of [
    ['throw new Error("no")', 1, ''],
    ['process.exit(3)', 1, ''],
    ['await new Promise((resolve) => setTimeout(resolve, 60_000))', 1, ', timeoutSeconds: 4'],
  ] as const)
    it(`of a body is not believed: ${how}`, async (test) => {
      const project = testProject(test, { 'pipelines/p.ts': WRITER(how, more) })
      assert.equal((await project.sluice('run', 'p')).code, code)
      assert.equal(read(project, 'data/out.txt'), 'half')
      const planned = (await project.sluice('plan', 'p')).stdout
      assert.match(planned, /A +missing or not whole, its last attempt did not succeed: file:.*out\.txt/)
      assert.match(planned, /2 to run, 0 complete/)
      project.write('ok', '')
      assert.equal((await project.sluice('run', 'p')).code, 0)
      assert.equal(read(project, 'data/b.txt'), 'whole')
      assert.match((await project.sluice('run', 'p')).stdout, /Nothing to do/)
    })

  it('of a Sluice that was killed is not believed by the same command', async (test) => {
    const body = 'await new Promise((resolve) => setTimeout(resolve, 600_000))'
    const project = testProject(test, { 'pipelines/p.ts': WRITER(body) })
    const { child, ended } = project.start(['run', 'p'])
    while (!existsSync(project.path('data/out.txt'))) await new Promise((resolve) => setTimeout(resolve, 50))
    child.kill('SIGKILL')
    await ended
    project.write('ok', '')
    assert.equal((await project.sluice('run', 'p')).code, 0)
    assert.equal(read(project, 'data/b.txt'), 'whole')
  })

  it('of a target of the user is not believed', async (test) => {
    const project = testProject(test, {
      'pipelines/p.ts': `
import { existsSync, writeFileSync } from 'node:fs'
import { pipeline, task } from 'sluice'
const row = { uri: 'table:row', exists: async () => existsSync('row') }
const A = task('A', { output: () => row, retry: { attempts: 1 } }, async () => {
  const isAgain = existsSync('row')
  writeFileSync('row', isAgain ? 'whole' : 'half')
  if (!isAgain) throw new Error('no')
})
export const p = pipeline('p', A)`,
    })
    assert.equal((await project.sluice('run', 'p')).code, 1)
    assert.equal((await project.sluice('run', 'p')).code, 0)
    assert.equal(read(project, 'row'), 'whole')
  })

  it('is replaced by what the next run publishes', async (test) => {
    const project = testProject(test, {
      'pipelines/p.ts': `
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { pipeline, task, text } from 'sluice'
const A = task('A', { output: () => text('out.txt'), retry: { attempts: 1 } }, async ({ output }) => {
  if (existsSync('data/out.txt')) return output.write('whole')
  mkdirSync('data', { recursive: true })
  writeFileSync('data/out.txt', 'half')
  throw new Error('no')
})
export const p = pipeline('p', A)`,
    })
    assert.equal((await project.sluice('run', 'p')).code, 1)
    assert.equal((await project.sluice('run', 'p')).code, 0)
    assert.equal(read(project, 'data/out.txt'), 'whole')
  })

  it('is kept in mind when its runs are forgotten, and believed once a person says so', async (test) => {
    const project = testProject(test, { 'pipelines/p.ts': WRITER('throw new Error("no")') })
    assert.equal((await project.sluice('run', 'p')).code, 1)
    const home = openLocalHome({ stateFolder: project.path('.sluice') })
    assert.equal((await pruneRunsBefore(home, Date.now() + 1)).length, 1)
    await home.close()
    assert.match((await project.sluice('plan', 'p')).stdout, /2 to run, 0 complete/)
    assert.equal((await project.sluice('run', 'p')).code, 1)
    const marked = await project.sluice('mark', 'latest', 'A', 'succeeded')
    assert.equal(marked.code, 0, marked.stdout + marked.stderr)
    assert.equal(read(project, 'data/b.txt'), 'half')
    assert.match((await project.sluice('plan', 'p')).stdout, /0 to run/)
  })
})

describe('a target that no attempt has touched', () => {
  it('is believed, whoever made it', async (test) => {
    const project = testProject(test, {
      'pipelines/p.ts': WRITER('throw new Error("no")'),
      'data/out.txt': 'by hand',
    })
    assert.equal((await project.sluice('run', 'p')).code, 0)
    assert.equal(read(project, 'data/b.txt'), 'by hand')
  })
})
