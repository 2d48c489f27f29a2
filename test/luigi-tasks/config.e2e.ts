import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
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

describe('the schedule of a pipeline of Luigi', () => {
  it('is filled up by the intervals that are not complete, says which are, and leaves others alone where its module is broken', async (test) => {
    const project = luigiProject(test, {
      'families.py': FAMILIES,
      'pipelines/days.ts': `import { daily, day, luigi } from 'sluice'
export const days = luigi('days', {
  module: 'families', task: 'Daily', python: ${JSON.stringify(PYTHON)}, params: { date: day() }, schedule: daily(),
})
export const other = luigi('other', { module: 'other', task: 'Other', python: ${JSON.stringify(PYTHON)} })
`,
      'other.py': `import luigi
class Other(luigi.Task):
    def output(self): return luigi.LocalTarget("out/other")
    def run(self):
        with self.output().open("w") as file: file.write("made")
`,
    })
    const fill = (from: string, to: string, ...more: string[]) =>
      project.sluice('backfill', 'days', '--from', from, '--to', to, ...more)
    assertCode(await fill('2026-01-02', '2026-01-03', '--concurrency', '2'), 0)
    assert.deepEqual(project.notes().sort(), ['daily 2026-01-02', 'daily 2026-01-03'])
    const shown = await fill('2026-01-01', '2026-01-05', '--dry-run')
    assertCode(shown, 0)
    assert.match(shown.stdout, /5 intervals, 2 of them complete/)
    assertCode(await fill('2026-01-01', '2026-01-05'), 0)
    assert.deepEqual(project.notes().slice(2), ['daily 2026-01-01', 'daily 2026-01-04', 'daily 2026-01-05'])
    assert.equal((await project.jsonLines('runs')).length, 5, 'what is complete has no run')
    project.write('families.py', 'import no_such_package')
    const broken = await fill('2026-01-01', '2026-01-05')
    assertCode(broken, 2)
    assert.match(
      broken.stderr,
      /The module families does not import: .*no_such_package.*\n.*families\.py", line 1/,
    )
    assertCode(await project.sluice('run', 'other'), 0)
    assert.equal(project.read('out/other'), 'made')
  })
})

describe('a default that each import makes anew', () => {
  it('is the same while it is planned and in each task, also one that is yielded, and another one in the next run', async (test) => {
    const project = luigiProject(test, {
      'fresh.py': `import luigi, random
NAME = "".join(random.choice("abcdefghij") for _ in range(16))
class Made(luigi.Task):
    name = luigi.Parameter(default=NAME)
    kind = luigi.Parameter(default="required")
    def output(self): return luigi.LocalTarget("out/%s-%s" % (self.kind, self.name))
    def run(self):
        with self.output().open("w") as file: file.write(str(random.random()))
class Twice(luigi.Task):
    name = luigi.Parameter(default=NAME)
    def requires(self): return Asks()
    def output(self): return luigi.LocalTarget("out/twice-%s" % self.name)
    def run(self): self.output().open("w").close()
class Asks(luigi.Task):
    name = luigi.Parameter(default=NAME)
    def output(self): return luigi.LocalTarget("out/asks-%s" % self.name)
    def run(self):
        yield Made(kind="yielded")
        self.output().open("w").close()
class Root(luigi.WrapperTask):
    def requires(self): return [Twice(), Made(), Made(kind="other")]
`,
    })
    const outputs = () => readdirSync(project.path('out')).sort()
    assertCode(await project.luigi('--module', 'fresh', 'Root'), 0)
    const first = outputs()
    const names = new Set(first.map((file) => file.split('-')[1]))
    assert.deepEqual([first.length, names.size], [5, 1], first.join())
    const values = first
      .filter((file) => /^(other|required|yielded)-/.test(file))
      .map((file) => project.read(`out/${file}`))
    assert.equal(new Set(values).size, 3, 'what a task chooses while it runs is its own')
    assertCode(await project.luigi('--module', 'fresh', 'Root'), 0)
    assert.equal(outputs().length, 10)
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
