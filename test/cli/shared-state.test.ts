import assert from 'node:assert/strict'
import { existsSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, it, type TestContext } from 'node:test'
import { testProject } from '../support/cli.ts'

const PIPELINE = `import { setTimeout as sleep } from 'node:timers/promises'
import { pipeline, task, text } from 'sluice'
import { z } from 'zod'

const Step = task('Step', { params: { ms: z.number() }, output: ({ ms }) => text(\`step-\${ms}.txt\`) }, async ({ params, output, signal }) => {
  await sleep(params.ms, undefined, { signal })
  await output.write('done')
})
export const steps = pipeline('steps', Step)
`

const project = (test: TestContext) => testProject(test, { 'pipelines/steps.ts': PIPELINE })

const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 50))
}

describe('a state that another process holds', () => {
  it('in the middle of a transaction is waited for, and told of', async (test) => {
    const { sluice, start, path } = project(test)
    assert.equal((await sluice('run', 'steps', '--ms', '1')).code, 0)
    const other = new DatabaseSync(path('.sluice/state.db'))
    other.exec('BEGIN IMMEDIATE')
    let told = ''
    const run = start(['run', 'steps', '--ms', '2'])
    run.child.stderr?.on('data', (data) => {
      told += data
    })
    // As a process that was stopped: it goes on only after the other one has said that it waits.
    await until(() => /has had the state .* locked for \d+ s/.test(told))
    assert.equal(run.child.exitCode, null)
    other.exec('COMMIT')
    other.close()
    const { code, stdout, stderr } = await run.ended
    assert.equal(code, 0, stdout + stderr)
  })
})

describe('a state that is deleted', () => {
  for (const how of ['dev', 'run'] as const)
    it(`ends sluice ${how} with the reason, and the next one makes a new state`, async (test) => {
      const { sluice, start, path } = project(test)
      const args = how === 'dev' ? ['dev', '--port', '0'] : ['run', 'steps', '--ms', '60000']
      const engine = start(args)
      await until(() => existsSync(path('.sluice/state.db')) && /listens|attempt|Step/.test(engine.stdout()))
      rmSync(path('.sluice'), { recursive: true })
      const { code, stderr } = await engine.ended
      assert.equal(code, 3, stderr)
      assert.match(stderr, /state\.db was deleted while this process worked on it/)
      assert.equal((await sluice('run', 'steps', '--ms', '1')).code, 0)
    })

  it('and made anew by another process ends the first one too', async (test) => {
    const { sluice, start, path } = project(test)
    const engine = start(['dev', '--port', '0'])
    await until(() => existsSync(path('.sluice/state.db')) && /listens/.test(engine.stdout()))
    rmSync(path('.sluice'), { recursive: true })
    assert.equal((await sluice('run', 'steps', '--ms', '1')).code, 0)
    const { code, stderr } = await engine.ended
    assert.equal(code, 3)
    assert.match(stderr, /was (deleted|replaced by another file) while this process worked on it/)
  })
})
