import assert from 'node:assert/strict'
import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs'
import { describe, it } from 'node:test'
import { testProject } from '../support/cli.ts'

const STEPS = `
import { pipeline, secret, task, text } from 'sluice'
import { z } from 'zod'
const First = task('First', { params: { name: z.string() }, output: ({ name }) => text(\`\${name}/first.txt\`) }, async ({ output, log }) => { log.info('made'); await output.write('1') })
const Second = task('Second', { params: First.params, requires: ({ name }) => First({ name }), secrets: { key: secret('site/key') }, output: ({ name }) => text(\`\${name}/second.txt\`) }, async ({ output }) => output.write('2'))
export const steps = pipeline('steps', Second, { description: 'Two steps' })`

const project = (test: Parameters<typeof testProject>[0]) =>
  testProject(test, { 'pipelines/steps.ts': STEPS })

describe('plan', () => {
  it('shows what would run and what is complete, and why, without running it', async (test) => {
    const { sluice, path, write } = project(test)
    write('data/a/first.txt', 'here')
    const { code, stdout } = await sluice('plan', 'steps', '--name', 'a')
    assert.equal(code, 0)
    assert.match(stdout, /run +Second\(name=a\) +missing: file:\/\/.*\/a\/second\.txt/)
    assert.match(stdout, /complete +First\(name=a\) +there: file:\/\/.*\/a\/first\.txt/)
    assert.match(stdout, /1 to run, 1 complete/)
    assert.equal(existsSync(path('data/a/second.txt')), false)
    assert.match((await sluice('runs')).stdout, /No runs yet/)
  })

  it('does not descend into what is complete', async (test) => {
    const { sluice, write } = project(test)
    write('data/a/second.txt', 'here')
    assert.match((await sluice('plan', 'steps', '--name', 'a')).stdout, /0 to run, 1 complete/)
  })

  it('prints the plan format with --json', async (test) => {
    const { sluice, path, write } = project(test)
    write('data/a/first.txt', 'here')
    const lines = (await sluice('plan', 'steps', '--name', 'a', '--json')).stdout.trim().split('\n')
    const output = (name: string) => `file://${path(`data/a/${name}.txt`)}`
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)),
      [
        { plan: 1, pipeline: 'steps', root: 'Second(name=a)' },
        {
          task: 'Second(name=a)',
          family: 'Second',
          params: { name: 'a' },
          requires: ['First(name=a)'],
          output: output('second'),
        },
        {
          task: 'First(name=a)',
          family: 'First',
          params: { name: 'a' },
          output: output('first'),
          complete: true,
        },
      ],
    )
  })
})

describe('pipelines, runs, status and logs', () => {
  it('tell what there is', async (test) => {
    const { sluice, json, start } = project(test)
    const described = await json('pipelines')
    assert.equal(described.pipeline, 'steps')
    assert.deepEqual(described.params, [
      {
        name: 'name',
        flag: '--name',
        kind: 'text',
        required: true,
        significant: true,
        schema: { type: 'string' },
      },
    ])
    await start(['secrets', 'set', 'site/key'], { input: 'value' }).ended
    await sluice('run', 'steps', '--name', 'a')
    const run = await json('runs')
    assert.equal(run.status, 'succeeded')
    const status = await json('status', run.run.slice(0, -3))
    assert.deepEqual(
      status.tasks.map((task: { task: string; status: string }) => [task.task, task.status]),
      [
        ['Second(name=a)', 'succeeded'],
        ['First(name=a)', 'succeeded'],
      ],
    )
    assert.equal((await json('status', 'latest', '--task', '1')).tasks.length, 1)
    assert.match((await sluice('logs', 'latest', 'First(name=a)')).stdout, /made/)
    const silent = await sluice('logs', 'latest', 'Second')
    assert.deepEqual([silent.code, silent.stdout], [0, ''])
    assert.match(silent.stderr, /^Second has written no lines\.\n/)
    for (const task of [[], ['First']]) {
      const { code, stderr } = await sluice('logs', 'latest', ...task, '--attempt', '9')
      assert.equal(code, 2)
      assert.match(stderr, /has had no attempt 9; the last one is 1\.\nnext: sluice status steps-/)
    }
    const found = await sluice('logs', 'latest', '--grep', 'MADE')
    assert.equal(found.code, 0)
    assert.match(found.stdout, /First.* made/)
    for (const [search, why] of [
      [['--grep', 'm.de'], 'contains "m.de"'],
      [['--level', 'warn'], 'has the level warn or above'],
      [['--grep', 'made', '--level', 'error'], 'contains "made" and is an error'],
    ] as const) {
      const { code, stdout, stderr } = await sluice('logs', 'latest', 'First', ...search)
      assert.deepEqual([code, stdout], [1, ''])
      assert.equal(stderr, `No line of First ${why}; 1 line was looked through.\n`)
    }
    // Programs get no line, and the code.
    const none = await sluice('logs', 'latest', '--grep', 'nothing', '--json')
    assert.deepEqual([none.code, none.stdout, none.stderr], [1, '', ''])
    const wrong = await sluice('logs', 'latest', '--level', 'loud')
    assert.equal(wrong.code, 2)
    assert.match(wrong.stderr, /Allowed choices are debug, info, warn, error/)
    assert.match(
      (await sluice('logs', 'latest', '--grep', '')).stderr,
      /It takes a text of 1 to 1000 characters/,
    )
    const unknown = await sluice('logs', 'latest', 'Frist')
    assert.equal(unknown.code, 2)
    assert.match(unknown.stderr, /has no task Frist\. Did you mean First\?/)
  })
})

describe('lists', () => {
  it('are JSON Lines with --json: pipelines with modules that did not load, pools with resources', async (test) => {
    const { jsonLines } = testProject(test, {
      'pipelines/steps.ts': STEPS,
      'pipelines/more.ts': STEPS.replaceAll('First', 'A')
        .replaceAll('Second', 'B')
        .replaceAll('steps', 'more'),
      'pipelines/wrong.ts': 'export const x = pipeline((',
      'sluice.config.ts': `
import { defineConfig } from 'sluice'
export default defineConfig({ pipelines: ['pipelines/*.ts'], pools: { small: { concurrency: 2 } }, resources: { door: { limit: 1 } } })`,
    })
    const pipelines = await jsonLines('pipelines')
    assert.deepEqual(
      pipelines.map(({ pipeline, module }) => pipeline ?? module.replace(/.*\//, '')),
      ['more', 'steps', 'wrong.ts'],
    )
    assert.deepEqual(
      (await jsonLines('pools')).map(({ pool, resource }) => pool ?? resource),
      ['default', 'small', 'door'],
    )
  })
})

describe('secrets', () => {
  it('are listed by name and removed; their file is for the owner alone', async (test) => {
    const { sluice, start, path, json } = project(test)
    assert.match((await sluice('secrets', 'list')).stdout, /No secrets/)
    await start(['secrets', 'set', 'site/key'], { input: 'value\n' }).ended
    assert.equal(JSON.parse(readFileSync(path('.sluice/secrets.json'), 'utf8'))['site/key'], 'value')
    assert.equal(readFileSync(path('.sluice/.gitignore'), 'utf8'), '*\n')
    assert.deepEqual(await json('secrets', 'list'), { name: 'site/key', variable: 'SLUICE_SECRET_SITE_KEY' })
    chmodSync(path('.sluice/secrets.json'), 0o644)
    const open = await sluice('secrets', 'list')
    assert.equal(open.code, 3)
    assert.match(open.stderr, /can be read by others \(mode 644\); run: chmod 600/)
    chmodSync(path('.sluice/secrets.json'), 0o600)
    assert.equal((await sluice('secrets', 'remove', 'site/key')).code, 0)
    assert.equal((await sluice('secrets', 'remove', 'site/key')).code, 2)
    assert.equal((await start(['secrets', 'set', 'site/key'], { input: '' }).ended).code, 2)
  })

  it('may come from the environment, and reach only the tasks that name them', async (test) => {
    const { write, start, path } = testProject(test, {
      'pipelines/env.ts': `
import { json, pipeline, secret, task } from 'sluice'
const Env = task('Env', { secrets: { key: secret('site/key') }, output: () => json('env.json') },
  async ({ secrets, output }) => output.write({ key: secrets.key, variable: process.env.SLUICE_SECRET_SITE_KEY ?? null }))
export const env = pipeline('env', Env)`,
    })
    write('x', '')
    assert.equal(
      (await start(['run', 'env'], { env: { SLUICE_SECRET_SITE_KEY: 'from outside' } }).ended).code,
      0,
    )
    assert.deepEqual(JSON.parse(readFileSync(path('data/env.json'), 'utf8')), {
      key: 'from outside',
      variable: null,
    })
  })
})

describe('init and doctor', () => {
  it('make a project once, and say what is wrong with one', async (test) => {
    const { sluice, path, write } = project(test)
    assert.equal((await sluice('init', 'fresh')).code, 0)
    assert.ok(statSync(path('fresh/pipelines/hello.ts')).isFile())
    const { compilerOptions } = JSON.parse(readFileSync(path('fresh/tsconfig.json'), 'utf8'))
    assert.deepEqual(compilerOptions.types, ['node'])
    assert.equal((await sluice('init', 'fresh')).code, 2)
    write('broken/package.json', '{')
    const broken = await sluice('init', 'broken')
    assert.equal(broken.code, 2)
    assert.match(broken.stderr, /broken\/package\.json is no JSON: .*\nnext: Correct it/)
    const doctor = await sluice('doctor')
    assert.equal(doctor.code, 1)
    assert.match(doctor.stdout, /WRONG secrets: missing: site\/key/)
    assert.match(doctor.stdout, /ok +config: .*1 pipelines, 2 tasks/)
    const checks = (await sluice('doctor', '--json')).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      checks.map((check) => check.what),
      ['Node', 'config', 'storage', 'state', 'secrets'],
    )
  })
})
