import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { bundleEntries, type CodeOptions, resolveOwnModule } from '../../infra/bundle.ts'
import { temporaryFolder } from '../support/folders.ts'

const SETTINGS = {
  SLUICE_ENVIRONMENT: 'test',
  SLUICE_STACK: 'sluice-test',
  SLUICE_TABLE: 'table',
  SLUICE_BUCKET: 'bucket',
  SLUICE_CODE: 'code',
  SLUICE_QUEUES: '{"default":"https://sqs.eu-west-2.amazonaws.com/1/default"}',
  SLUICE_STORAGE: 's3://bucket/targets/',
  SLUICE_SECRETS: 'secrets',
  SLUICE_MACHINES: 'arn:machines',
  SLUICE_LAUNCHER: 'launcher',
  AWS_REGION: 'eu-west-2',
}

/** A project with one pipeline, and a build that says when it is used. */
function makeProject(test: TestContext): { folder: string; options: CodeOptions } {
  const folder = temporaryFolder(test)
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const options: CodeOptions = {
    project: {
      path: write(
        'sluice.config.ts',
        "import { defineConfig } from 'sluice'\nexport default defineConfig({ pipelines: ['visits.ts'] })\n",
      ),
      modules: [{ path: write('visits.ts', "console.log('the pipeline is loaded')\n") }],
    },
    settings: {
      limits: { pools: { default: {} }, resources: {}, budgets: {}, plans: { maxTasks: 1, maxDepth: 1 } },
      containers: {},
      programs: {},
      luigiFamilies: {},
    },
    build: write(
      'build.ts',
      `import { BUILD as DEPLOYED } from ${JSON.stringify(resolveOwnModule('src/homes/aws/build'))}
       export const BUILD = { ...DEPLOYED, wrapPorts: (ports) => (console.log('the build is used'), ports) }`,
    ),
    external: [],
  }
  return { folder, options }
}

/** What a bundle prints when it is loaded, and what kind of thing its handler is. */
function load(bundle: string): { stdout: string; stderr: string } {
  const script = `import(${JSON.stringify(bundle)}).then(({ handler }) => console.log(typeof handler))`
  return spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', env: { ...SETTINGS } })
}

describe('the bundle of a function', () => {
  it('is given the build and the project by its entry, and a version by its content', async (test) => {
    const { folder, options } = makeProject(test)
    const entries = {
      'plan/index': { is: 'function', of: 'plan' },
      'job-events/index': { is: 'function', of: 'job-events' },
    } as const
    const version = await bundleEntries(entries, join(folder, 'out'), options)
    assert.match(version, /^[0-9a-f]{16}$/)
    const plan = load(join(folder, 'out/plan/index.mjs'))
    assert.deepEqual(plan.stdout.split('\n'), ['the pipeline is loaded', 'function', ''], plan.stderr)
    const events = load(join(folder, 'out/job-events/index.mjs'))
    assert.deepEqual(events.stdout.split('\n'), ['the build is used', 'function', ''], events.stderr)
    assert.equal(await bundleEntries(entries, join(folder, 'again'), options), version)
    writeFileSync(options.project.modules[0]?.path ?? '', "console.log('the pipeline has changed')\n")
    assert.notEqual(await bundleEntries(entries, join(folder, 'other'), options), version)
  })

  it('may hold modules that make a require of their own', async (test) => {
    const { folder, options } = makeProject(test)
    writeFileSync(
      options.project.modules[0]?.path ?? '',
      `import { createRequire } from 'node:module'
       const require = createRequire(import.meta.url)
       console.log(require('node:path').sep)`,
    )
    await bundleEntries({ 'plan/index': { is: 'function', of: 'plan' } }, join(folder, 'out'), options)
    const { stdout, stderr } = load(join(folder, 'out/plan/index.mjs'))
    assert.deepEqual(stdout.split('\n'), ['/', 'function', ''], stderr)
  })

  it('is not made from what does not parse; the message says the place', async (test) => {
    const { folder, options } = makeProject(test)
    writeFileSync(options.project.modules[0]?.path ?? '', 'const = 1\n')
    await assert.rejects(
      bundleEntries({ 'plan/index': { is: 'function', of: 'plan' } }, join(folder, 'out'), options),
      /visits\.ts:1:6/,
    )
  })
})
