import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { assertCode, luigiProject, PYTHON } from './luigi-project.ts'

const FAMILIES = readFileSync(join(import.meta.dirname, 'families.py'), 'utf8')

/** A project whose config has the pipeline `families`. */
function configProject(test: TestContext, more = '') {
  return luigiProject(test, {
    'families.py': FAMILIES,
    'luigi.cfg': '[resources]\nother = 3\n[Size]\nwidth = 7\n',
    'pipelines/families.ts': `import { day, luigi, secret } from 'sluice'
import { z } from 'zod'
export const families = luigi('families', {
  module: 'families', task: 'All', python: ${JSON.stringify(PYTHON)},
  params: { date: day(), dropTables: z.boolean().default(false) },
  families: {
    Query: { secrets: { api_key: secret('graph/key'), GRAPH_KEY: secret('graph/key') }, retry: { attempts: 1 } },
    Locked: { pool: 'slow' },
  },${more}
})
`,
    'sluice.config.ts': `import { defineConfig } from 'sluice'
export default defineConfig({ pipelines: ['pipelines/*.ts'], pools: { slow: { concurrency: 2 } } })
`,
  })
}

describe('luigi() in a config', () => {
  it('gives families pools and secrets, also private parameters; luigi.cfg and resources count', async (test) => {
    const project = configProject(test)
    const missing = await project.sluice('run', 'families', '--date', '2026-01-31')
    assertCode(missing, 2)
    assert.match(missing.stderr, /there is no secret graph\/key, which Query\(day=2026-01-31\) needs/)
    await project.start(['secrets', 'set', 'graph/key'], { input: 'k3y-of-graph' }).ended
    const ended = await project.sluice('run', 'families', '--date', '2026-01-31', '--concurrency', '4')
    assertCode(ended, 0)
    const notes = ended.stderr.split('\n').filter((line) => line.startsWith('note: '))
    assert.deepEqual(notes, [
      'note: Batched: each task runs alone, though its parameters have a batch_method',
      'note: Batched: no scheduler sends messages, though it sets accepts_messages',
    ])
    assert.equal(project.read('out/query-2026-01-31'), '12 12')
    assert.equal(project.read('out/size'), '7 a 2 5 3:00:00 1')
    // One slot, the highest priority first.
    assert.deepEqual(project.notes(), ['begin 2', 'end 2', 'begin 1', 'end 1', 'begin 0', 'end 0'])
    const logs = await project.sluice('logs', 'latest', 'Query(day=2026-01-31)')
    assert.match(logs.stdout, /the key is \*+/)
    const status = await project.json('status', 'latest', 'Locked(number=1)')
    assert.equal(status.tasks[0].pool, 'slow')
  })

  it('refuses a pool that there is not, and a parameter that the root has not', async (test) => {
    const project = configProject(test)
    project.write(
      'pipelines/families.ts',
      project.read('pipelines/families.ts').replace("'slow'", "'quick'").replace('dropTables', 'dropAll'),
    )
    await project.start(['secrets', 'set', 'graph/key'], { input: 'k3y-of-graph' }).ended
    const other = await project.sluice('plan', 'families', '--date', '2026-01-31')
    assertCode(other, 2)
    assert.match(other.stderr, /All has no parameter drop_all\.\nnext: It has: date, drop_tables\./)
    project.write(
      'pipelines/families.ts',
      project.read('pipelines/families.ts').replace('dropAll', 'dropTables'),
    )
    const pool = await project.sluice('plan', 'families', '--date', '2026-01-31')
    assertCode(pool, 2)
    assert.match(
      pool.stderr,
      /Locked\(number=\d\): there is no pool quick; there are: slow, default|there are: default, slow/,
    )
  })

  it('plans a day of its schedule', async (test) => {
    const project = configProject(test, "\n  schedule: (await import('sluice')).daily(),")
    const filled = await project.sluice('backfill', 'families', '--from', '2026-01-30', '--to', '2026-01-31')
    assertCode(filled, 2)
    assert.match(filled.stderr, /there is no secret graph\/key/)
  })
})

describe('sluice luigi with what people write', () => {
  it('takes flags of other tasks, in every form, and those that Sluice has as well after --', async (test) => {
    const project = configProject(test)
    const args = [
      '--module',
      'families',
      'Size',
      '--Size-width',
      '9',
      '--tags',
      '["x","y"]',
      '--workers',
      '1',
    ]
    assertCode(await project.luigi(...args, '--local-scheduler', '--', '--length', '2 hours'), 0)
    assert.equal(project.read('out/size'), '9 x 2 5 2:00:00 1')
    const logs = await project.sluice('logs', 'latest')
    assert.match(logs.stdout, /tracking URL: http:\/\/127\.0\.0\.1\/job\/1/)
  })

  it('runs a RangeDaily, and again only the days that are missing', async (test) => {
    const project = configProject(test)
    const range = (stop: string) =>
      project.luigi(
        '--module',
        'families',
        'RangeDaily',
        '--of',
        'Daily',
        '--start',
        '2026-01-01',
        '--stop',
        stop,
        '--days-back',
        '10000',
      )
    assertCode(await range('2026-01-03'), 0)
    assert.deepEqual(project.notes().sort(), ['daily 2026-01-01', 'daily 2026-01-02'])
    assertCode(await range('2026-01-05'), 0)
    assert.equal(project.notes().length, 4)
    assert.match((await range('2026-01-05')).stdout, /Nothing to do/)
  })

  it('retries a run without any config, and one of its tasks', async (test) => {
    const project = luigiProject(test, {
      'late.py': `import luigi, os
class Late(luigi.Task):
    retry_count = 1
    def output(self): return luigi.LocalTarget("out/late")
    def run(self):
        if not os.path.exists("now"): raise ValueError("too early")
        self.output().open("w").close()
class After(luigi.WrapperTask):
    def requires(self): return Late()
`,
    })
    await project.limited('rm sluice.config.ts', 'runs')
    assertCode(await project.luigi('--module', 'late', 'After'), 1)
    project.write('now', '')
    const one = await project.sluice('retry', 'latest', '--task', 'Late')
    assertCode(one, 0)
    const rest = await project.luigi('--module', 'late', 'After')
    assertCode(rest, 0)
    assert.match(rest.stdout, /Nothing to do: After is complete/)
  })
})
