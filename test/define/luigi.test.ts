import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { readProject } from '../../infra/project.ts'
import { luigi } from '../../src/define/luigi.ts'
import { day } from '../../src/define/params.ts'
import { cron } from '../../src/define/schedule.ts'
import { instantiateTask } from '../../src/define/task.ts'
import { findLuigiProgram } from '../../src/planning/luigi/luigi-program.ts'
import { testProject } from '../support/cli.ts'

describe('luigi()', () => {
  it('gives the parameters of the root as Luigi parses them', () => {
    const { root } = luigi('parsed', {
      module: 'reports',
      task: 'Root',
      params: { date: day(), dropTables: z.boolean(), sizes: z.array(z.number()) },
    })
    const program = findLuigiProgram(
      instantiateTask(root, { date: '2026-01-31', dropTables: true, sizes: [1, 2] }),
    )
    assert.deepEqual(program?.params, { date: '2026-01-31', drop_tables: 'True', sizes: '[1,2]' })
  })

  it('gives each field of day() the day of the interval', () => {
    const { params } = luigi('daily', {
      module: 'reports',
      task: 'Root',
      params: { date: day(), size: z.number().default(1) },
      schedule: cron('0 3 * * *'),
    })
    const interval = { start: '', end: '', date: '2026-01-31', lastDate: '', hour: '', quarter: '' }
    assert.deepEqual(params?.(interval), { date: '2026-01-31' })
  })

  it('tells everything that is wrong when the config is loaded', async (test) => {
    const project = testProject(test, {
      'pipelines/wrong.ts': `import { luigi } from 'sluice'
export const wrong = luigi('wrong', {
  module: 'reports.py/x', task: '', python: 3, jobs: 0, mounts: { 'x': 'y' }, image: 'Not An Image', retries: 3,
  families: { Part: { memoryMb: 1, retry: { attempts: 0 } }, Total: { queue: 'slow' }, Root: 7 },
} as never)
`,
    })
    const { stderr, code } = await project.sluice('run', 'wrong')
    assert.equal(code, 2)
    for (const told of [
      'there is no option retries; there are module, task',
      "module must be the name of a Python module, such as 'reports.daily'",
      "task must be the name of the root task, such as 'RootTask'",
      'python must be a path',
      'image "Not An Image" is no reference',
      'mounts: "x" must be a path in the container',
      'jobs must be a whole number of 1 or more',
      'families: Part: memoryMb must be a whole number of 32 or more',
      'families: Part: retry.attempts counts all attempts',
      'families: Total: there is no option queue; there are pool, memoryMb',
      'families: Root: must be an object',
    ])
      assert.ok(stderr.includes(told), `${told}\n${stderr}`)
  })
})

describe('a pipeline of Luigi in a deployment', () => {
  for (const [what, more, told] of [
    ['a Python of this machine', '', /all runs tasks of Luigi by a Python of this machine/],
    [
      'folders of this machine',
      "image: 'r/i:1', mounts: { '/data': 'data' },",
      /all mounts folders of this machine/,
    ],
    ['a pool that is not there', "image: 'r/i:1', families: { Part: { pool: 'slow' } },", /Part.* pool slow/],
  ] as const)
    it(`with ${what} is refused by deploy, in one sentence`, async (test) => {
      const project = testProject(test, {
        'pipelines/all.ts': `import { luigi } from 'sluice'
export const all = luigi('all', { module: 'reports', task: 'Root', ${more} })
`,
        'sluice.config.ts': `import { defineConfig } from 'sluice'
export default defineConfig({ name: 'x', pipelines: ['pipelines/*.ts'], environments: { prod: { region: 'eu-west-2' } } })
`,
      })
      await assert.rejects(
        readProject({ config: project.path('sluice.config.ts'), environment: 'prod' }),
        told,
      )
    })
})

describe('sluice luigi', () => {
  it('says what it takes, and which Python it looked for', async (test) => {
    const project = testProject(test, {})
    const without = await project.sluice('luigi')
    assert.equal(without.code, 2)
    assert.match(
      without.stderr,
      /It takes the module and the name of a task\.\nnext: sluice luigi --module MODULE TASK/,
    )
    const gone = await project.sluice('luigi', '--python', './no/python', '--module', 'reports', 'Root')
    assert.equal(gone.code, 2)
    assert.match(gone.stderr, /The Python .*no\/python cannot be started: .*ENOENT\nnext: Name the Python/)
  })
})
