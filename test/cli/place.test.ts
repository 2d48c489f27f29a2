import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import { testProject } from '../support/cli.ts'
import { temporaryFolder } from '../support/folders.ts'

const WHERE = `
import { writeFileSync } from 'node:fs'
import { pipeline, task, text } from 'sluice'
const Where = task('Where', { output: () => text('where.txt') }, async ({ output }) => output.write(process.cwd()))
export const where = pipeline('where', Where)`

const project = (test: TestContext) => testProject(test, { 'pipelines/where.ts': WHERE })

describe('a command', () => {
  it('finds the config, state, targets and working folder of its project from a folder below', async (test) => {
    const { path, start } = project(test)
    mkdirSync(path('deep/down'), { recursive: true })
    const at = { cwd: path('deep/down') }
    assert.equal((await start(['run', 'where'], at).ended).code, 0)
    assert.equal(realpathSync(readFileSync(path('data/where.txt'), 'utf8')), realpathSync(path()))
    assert.match((await start(['runs'], at).ended).stdout, /where-\S+ +succeeded/)
    assert.match((await start(['runs']).ended).stdout, /where-\S+ +succeeded/)
    assert.equal(existsSync(path('deep/down/.sluice')), false)
    assert.equal(existsSync(path('deep/down/data')), false)
  })

  it('keeps the state beside a config that is named from elsewhere', async (test) => {
    const { path, start } = project(test)
    const elsewhere = temporaryFolder(test)
    const named = ['--config', path('sluice.config.ts')]
    assert.equal((await start(['run', 'where', ...named], { cwd: elsewhere }).ended).code, 0)
    assert.match((await start(['runs', ...named], { cwd: elsewhere }).ended).stdout, /where-\S+ +succeeded/)
    assert.match((await start(['runs']).ended).stdout, /where-\S+ +succeeded/)
    assert.match((await start(['run', 'where']).ended).stdout, /Nothing to do/)
    assert.equal(existsSync(`${elsewhere}/.sluice`), false)
  })

  it('takes relative folders of its flags from where it is given', async (test) => {
    const { path, start } = project(test)
    mkdirSync(path('below'))
    const flags = ['--state', 'state', '--data', 'targets']
    assert.equal((await start(['run', 'where', ...flags], { cwd: path('below') }).ended).code, 0)
    assert.equal(existsSync(path('below/targets/where.txt')), true)
    assert.equal(existsSync(path('below/state/state.db')), true)
  })

  it('that names a config which is not there is refused, also where it only looks', async (test) => {
    const { start } = project(test)
    const { code, stderr } = await start(['runs', '--config', 'none.ts']).ended
    assert.equal(code, 2)
    assert.match(stderr, /There is no config .*none\.ts/)
  })
})
