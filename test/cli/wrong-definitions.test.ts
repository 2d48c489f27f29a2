import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { testProject } from '../support/cli.ts'

const GOOD = `import { pipeline, task, text } from 'sluice'
export const Good = task('Good', { output: () => text('good.txt') }, async ({ output }) => output.write('x'))
export const good = pipeline('good', Good)`

const config = (settings: string) =>
  `import { defineConfig } from 'sluice'\nexport default defineConfig({ pipelines: ['pipelines/*.ts'], ${settings} })\n`

describe('a definition that is wrong', () => {
  const files = {
    'sluice.config.ts': config('pools: { small: { maxMemoryMb: 64 } }'),
    'pipelines/good.ts': GOOD,
    'pipelines/heavy.ts': `import { pipeline, task, text } from 'sluice'
const Heavy = task('Heavy', { pool: 'small', memoryMb: 512 }, () => {})
const Light = task('Light', { output: () => text('light.txt') }, async ({ output }) => output.write('x'))
const Both = task('Both', { requires: () => [Heavy(), Light()] }, () => {})
export const heavy = pipeline('heavy', Heavy)
export const both = pipeline('both', Both)`,
    'pipelines/twice.ts': `import { pipeline } from 'sluice'
import { Good } from './good.ts'
export const one = pipeline('twice', Good)
export const other = pipeline('twice', Good)`,
  }

  it('stops only what it is part of, and is told with its module', async (test) => {
    const project = testProject(test, files)
    const good = await project.sluice('run', 'good')
    assert.equal(good.code, 0, good.stderr)
    assert.match(good.stderr, /warning: .*pipelines\/heavy\.ts: task "Heavy": memoryMb is 512/)
    const heavy = await project.sluice('run', 'heavy')
    assert.equal(heavy.code, 2)
    assert.match(
      heavy.stderr,
      /heavy cannot run:\n- task "Heavy": memoryMb is 512, but the pool small gives 64/,
    )
    const twice = await project.sluice('run', 'twice')
    assert.equal(twice.code, 2)
    assert.match(twice.stderr, /2 pipelines are called twice, in .*twice\.ts; names are unique/)
    const both = await project.sluice('run', 'both')
    assert.equal(both.code, 1)
    assert.match(both.stdout, /Heavy: its definition is wrong: task "Heavy": memoryMb is 512/)
    assert.match(both.stdout, /1 succeeded/)
    const doctor = await project.sluice('doctor')
    assert.equal(doctor.code, 1)
    assert.match(doctor.stdout, /WRONG module: .*heavy\.ts: task "Heavy"/)
    const listed = await project.sluice('pipelines')
    assert.deepEqual(listed.stdout.match(/^(good|heavy|both|twice)/gm)?.sort(), ['both', 'good', 'heavy'])
  })
})

describe('the image of a container', () => {
  it('is looked at when the config is loaded: its folder, Dockerfile, stage and secrets', async (test) => {
    const project = testProject(test, {
      'folder/Dockerfile': 'FROM a AS first\nFROM \\\n  b as Second\n',
      'pipelines/images.ts': `import { build, container, pipeline } from 'sluice'
const Nowhere = container('Nowhere', { image: build('nowhere') })
container('Other', { image: build('folder', { dockerfile: 'Other' }) })
container('File', { image: build('folder/Dockerfile') })
container('Stage', { image: build('folder', { target: 'third', secrets: { 'a b': 'value' } } as never) })
container('Whole', { image: build('folder', { target: 'second', args: { VERSION: '1' } }) })
export const nowhere = pipeline('nowhere', Nowhere)`,
    })
    const { code, stdout } = await project.sluice('doctor')
    assert.equal(code, 1)
    for (const message of [
      /"Nowhere": there is no folder .*nowhere to build an image from/,
      /"Other": there is no Other in .*folder/,
      /"File": .*Dockerfile is no folder to build an image from/,
      /"Stage": there is no stage third in Dockerfile in .*folder; it has first, Second/,
      /the secret "a b" must be an id/,
    ])
      assert.match(stdout, message)
    assert.doesNotMatch(stdout, /"Whole"/)
    const run = await project.sluice('run', 'nowhere')
    assert.equal(run.code, 2)
    assert.match(run.stderr, /nowhere cannot run:\n- task "Nowhere": there is no folder/)
  })
})

describe('modules of a pattern', () => {
  it('are those without tests, and what is exported again is found once', async (test) => {
    const tested = `import { it } from 'node:test'
import { pipeline, task } from 'sluice'
it('runs in production', () => { console.log('a test ran') })
export const Good = task('Good', {}, () => {})
export const good = pipeline('good', Good)`
    const project = testProject(test, {
      'pipelines/good.ts': GOOD,
      'pipelines/good.test.ts': tested,
      'pipelines/good.spec.ts': tested,
      'pipelines/index.ts': "export * from './good.ts'\n",
    })
    const planned = await project.sluice('plan', 'good', '--json')
    assert.equal(planned.code, 0, planned.stderr)
    assert.equal(planned.stderr, '')
    assert.equal(planned.stdout.trim().split('\n').length, 2)
    assert.equal((await project.sluice('run', 'good')).code, 0)
  })
})

describe('a wait that nothing can end', () => {
  it('of a module is told by every command, which exits 3', async (test) => {
    const project = testProject(test, {
      'pipelines/good.ts': GOOD,
      'pipelines/never.ts': 'await new Promise(() => {})\nexport {}\n',
    })
    for (const args of [['doctor'], ['pipelines'], ['run', 'good', '--json']]) {
      const ended = await project.sluice(...args)
      assert.equal(ended.code, 3, args.join())
      assert.match(ended.stderr, /waits for the module .*never\.ts to load, but nothing is left/)
    }
  })

  it('of a target is told with its name', async (test) => {
    const project = testProject(test, {
      'pipelines/never.ts': `import { pipeline, task } from 'sluice'
const Never = task('Never', { output: () => ({ uri: 'row:7', exists: () => new Promise<boolean>(() => {}) }) }, () => {})
export const never = pipeline('never', Never)`,
    })
    const ended = await project.sluice('run', 'never')
    assert.equal(ended.code, 3)
    assert.match(ended.stderr, /waits for whether row:7 exists, but nothing is left/)
  })
})

describe('a schedule whose params do not fit', () => {
  it('is told by doctor, pipelines and resume, and holds up no other', async (test) => {
    const project = testProject(test, {
      'pipelines/days.ts': `import { cron, daily, day, pipeline, task, text } from 'sluice'
const Day = task('Day', { params: { date: day() }, output: ({ date }) => text(date) }, async ({ output }) => output.write('x'))
export const throwing = pipeline('throwing', Day, { schedule: daily(), params: () => { throw new Error('no table') } })
export const missing = pipeline('missing', Day, { schedule: daily(), params: () => ({}) as { date: string } })
export const fine = pipeline('fine', Day, { schedule: daily(), params: ({ date }) => ({ date }) })`,
    })
    const doctor = await project.sluice('doctor')
    assert.equal(doctor.code, 1)
    assert.match(
      doctor.stdout,
      /WRONG schedule of throwing: .*params of the pipeline throwing threw: no table/,
    )
    assert.match(doctor.stdout, /WRONG schedule of missing: .*date is required/)
    assert.match(doctor.stdout, /ok +schedule of fine/)
    const listed = await project.sluice('pipelines')
    assert.match(listed.stdout, /missing .*its runs cannot start: Day: date is required/)
    assert.match(listed.stdout, /fine .*0 0 \* \* \* UTC \(paused\)/)
    const resumed = await project.sluice('resume', 'throwing')
    assert.equal(resumed.code, 2)
    assert.match(resumed.stderr, /schedule of throwing cannot start runs: .*no table/)
    assert.equal((await project.sluice('resume', 'fine')).code, 0)
  })
})

describe('secrets that are not set', () => {
  it('are told in one message before anything runs', async (test) => {
    const project = testProject(test, {
      'pipelines/calls.ts': `import { pipeline, secret, task } from 'sluice'
import { z } from 'zod'
const Call = task('Call', { params: { n: z.number() }, secrets: { key: secret('api/key') } }, () => {})
const Mail = task('Mail', { requires: () => [Call({ n: 1 }), Call({ n: 2 })], secrets: { login: secret('mail') } }, () => {})
export const mail = pipeline('mail', Mail)`,
    })
    const ended = await project.sluice('run', 'mail')
    assert.equal(ended.code, 2, ended.stdout)
    assert.match(
      ended.stderr,
      /there is no secret mail, which Mail needs; .*\n- there is no secret api\/key, which Call\(n=1\) needs/,
    )
    assert.match((await project.sluice('runs')).stdout, /No runs yet/)
    const planned = await project.sluice('plan', 'mail')
    assert.match(planned.stderr, /warning: there is no secret api\/key/)
    const env = { SLUICE_SECRET_API_KEY: 'k', SLUICE_SECRET_MAIL: 'm' }
    assert.equal((await project.start(['run', 'mail'], { env }).ended).code, 0)
    // What is complete needs none.
    assert.equal((await project.sluice('run', 'mail')).code, 0)
  })
})
