import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { copyExternalPackages } from '../../infra/external.ts'
import { readProject } from '../../infra/index.ts'
import { DECIDERS } from '../../src/define/deployment-options.ts'
import { testProject } from '../support/cli.ts'
import { temporaryFolder } from '../support/folders.ts'

const CONFIG = `
import { defineConfig } from 'sluice'
export default defineConfig({ pipelines: ['pipelines/*.ts'], environments: { prod: { region: 'eu-west-2', external: ['easy-table'] } } })
`
const PIPELINE = `
import Table from 'easy-table'
import { pipeline, task, text } from 'sluice'
const Root = task('Tabular', { output: () => text('x') }, async ({ output }) => output.write(new Table().toString()))
export const root = pipeline('root', Root)
`
/** What functions are told. */
const VARIABLES = {
  AWS_REGION: 'eu-west-2',
  AWS_EC2_METADATA_DISABLED: 'true',
  SLUICE_CODE: '1',
  SLUICE_ENVIRONMENT: 'prod',
  SLUICE_STACK: 'sluice-prod',
  SLUICE_TABLE: 'table',
  SLUICE_BUCKET: 'bucket',
  SLUICE_QUEUES: '{"*":"https://sqs.example/"}',
  SLUICE_STORAGE: 's3://bucket/targets',
  SLUICE_SECRETS: 'secrets/',
  SLUICE_MACHINES: 'arn:machines',
  SLUICE_LOG_GROUPS: '{}',
  SLUICE_POOL: 'default',
  SLUICE_MEMORY_MB: '1024',
  SLUICE_LAUNCHER: 'launcher',
  SLUICE_REPAIR_QUEUE: 'https://sqs.example/repair',
  SLUICE_WORKERS: '{"cluster":"","subnets":[],"securityGroups":[],"publicIp":false,"families":""}',
  SLUICE_EMR: '{"applications":{},"clusters":[],"roles":{},"logGroups":{},"files":""}',
}

describe('packages that are not bundled', () => {
  it('are found by every function that loads the pipelines', { timeout: 300_000 }, async (test) => {
    const project = testProject(test, {
      'package.json': '{"name": "one", "type": "module"}',
      'sluice.config.ts': CONFIG,
      'pipelines/one.ts': PIPELINE,
    })
    const outdir = temporaryFolder(test)
    const config = project.path('sluice.config.ts')
    const { functions, pools } = await readProject({ config, environment: 'prod', outdir })
    const modules = [
      ...DECIDERS.map((name) => join(functions[name] ?? '', name, 'index.mjs')),
      join(pools.default?.folder ?? '', 'index.mjs'),
    ]
    for (const module of modules) {
      // A function that asks AWS for something has loaded everything by then.
      const asked = "(error) => { if (error.name !== 'CredentialsProviderError') throw error }"
      const script = `await import(${JSON.stringify(module)}).catch(${asked}); process.exit(0)`
      const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
        env: { PATH: process.env.PATH, ...VARIABLES },
        cwd: outdir,
        encoding: 'utf8',
      })
      assert.equal(status, 0, `${module}\n${stderr}`)
    }
    assert.ok(existsSync(join(functions.plan ?? '', 'node_modules/easy-table')))
  })

  /** A project with packages, by their path below it. */
  const packages = (test: TestContext, files: Record<string, object | string>) => {
    const folder = temporaryFolder(test)
    const project = testProject(test, {})
    const texts = Object.entries(files).map(([path, content]) => [
      path,
      typeof content === 'string' ? content : JSON.stringify(content),
    ])
    for (const [path = '', content = ''] of texts) project.write(`own/${path}`, content)
    return { from: project.path('own'), folder }
  }

  it('come with all that they need, each in its own version', (test) => {
    const { from, folder } = packages(test, {
      'node_modules/a/package.json': {
        dependencies: { b: '1', c: '1' },
        optionalDependencies: { absent: '1' },
      },
      'node_modules/b/package.json': { version: '1.0.0' },
      'node_modules/b/index.js': 'module.exports = 1',
      'node_modules/c/package.json': { dependencies: { b: '2' } },
      'node_modules/c/index.js': "module.exports = require('b')",
      'node_modules/c/node_modules/b/package.json': { version: '2.0.0' },
      'node_modules/c/node_modules/b/index.js': 'module.exports = 2',
      'node_modules/unused/package.json': {},
    })
    copyExternalPackages(from, ['a'], folder)
    const require = createRequire(join(folder, 'index.mjs'))
    assert.deepEqual(
      ['b', 'c'].map((name) => require(name)),
      [1, 2],
    )
    assert.equal(existsSync(join(folder, 'node_modules/unused')), false)
    assert.equal(readFileSync(join(folder, 'node_modules/a/package.json'), 'utf8').includes('absent'), true)
  })

  it('are refused where they are missing, or have compiled parts that cannot be installed for functions', (test) => {
    const { from, folder } = packages(test, {
      'node_modules/needs/package.json': { dependencies: { nowhere: '1' } },
      'node_modules/native/package.json': {},
      'node_modules/native/build/native.node': 'compiled here',
    })
    assert.throws(() => copyExternalPackages(from, ['gone'], folder), /The package gone is not installed/)
    assert.throws(() => copyExternalPackages(from, ['needs'], folder), /The package nowhere is not installed/)
    assert.throws(
      () => copyExternalPackages(from, ['native'], folder),
      /native have compiled parts, .* there is none/,
    )
  })
})
