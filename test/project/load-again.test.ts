import '../../src/project/resolve-self.ts'
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { loadProject, type Project } from '../../src/project/load-config.ts'
import { followDefinitions } from '../../src/project/reload.ts'
import { temporaryFolder } from '../support/folders.ts'

const CONFIG =
  "import { defineConfig } from 'sluice'\nexport default defineConfig({ pipelines: ['pipelines/*.ts'] })\n"

/** A module with one task and a pipeline of the same name. */
const moduleOf = (family: string, more = '') => `import { pipeline, task, text } from 'sluice'
${more}
const Task = task('${family}', { output: () => text('${family}.txt') }, () => {})
export const made = pipeline('${family.toLowerCase()}', Task)
`

/** Makes a project; returns its config's path and what writes more files. */
function makeProject(test: TestContext, files: { [path: string]: string }) {
  const folder = temporaryFolder(test)
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  for (const [path, text] of Object.entries({ 'sluice.config.ts': CONFIG, ...files })) write(path, text)
  return { config: join(folder, 'sluice.config.ts'), write }
}

const familiesOf = ({ tasks }: Project) => [...tasks.keys()].sort()
const pipelinesOf = ({ pipelines }: Project) => [...pipelines.keys()].sort()
/** Families by the names of the modules that have to be loaded for them. */
const modulesOf = ({ modules }: Project) =>
  Object.fromEntries(modules.map(({ path, families }) => [path.replace(/.*\//, ''), families]))

describe('a project that is loaded again in the same process', () => {
  it('has what its modules define now; the one that was loaded before stays as it was', async (test) => {
    const { config, write } = makeProject(test, {
      'pipelines/visits.ts': moduleOf('Visits', "import '../lib/shared.ts'"),
      'lib/shared.ts': "import { task } from 'sluice'\nexport const Shared = task('Shared', {}, () => {})\n",
    })
    const first = await loadProject(config)
    write('pipelines/visits.ts', moduleOf('Clicks', "import '../lib/shared.ts'"))
    write(
      'lib/shared.ts',
      "import { task } from 'sluice'\nexport const Other = task('Other', {}, () => {})\n",
    )
    const second = await loadProject(config)
    assert.deepEqual([familiesOf(first), pipelinesOf(first)], [['Shared', 'Visits'], ['visits']])
    assert.deepEqual([familiesOf(second), pipelinesOf(second)], [['Clicks', 'Other'], ['clicks']])
    assert.deepEqual(second.broken, [])
    assert.notEqual(first.tasks.get('Shared'), undefined)
  })

  it('does not take its own families for defined twice, also if both are loaded at once', async (test) => {
    const { config } = makeProject(test, { 'pipelines/visits.ts': moduleOf('Visits') })
    const projects = await Promise.all([loadProject(config), loadProject(config), loadProject(config)])
    for (const project of projects) {
      assert.deepEqual([familiesOf(project), project.broken], [['Visits'], []])
      assert.deepEqual(modulesOf(project), { 'visits.ts': ['Visits'] })
    }
    assert.equal(new Set(projects.map(({ tasks }) => tasks.get('Visits'))).size, 3)
  })
})

describe('two projects in one process', () => {
  it('have each its own families', async (test) => {
    const one = makeProject(test, { 'pipelines/one.ts': moduleOf('Same') })
    const other = makeProject(test, { 'pipelines/other.ts': moduleOf('Same') })
    const projects = [await loadProject(one.config), await loadProject(other.config)]
    assert.deepEqual(projects.map(familiesOf), [['Same'], ['Same']])
    assert.deepEqual(
      projects.map(({ broken }) => broken),
      [[], []],
    )
    assert.deepEqual(projects.map(modulesOf), [{ 'one.ts': ['Same'] }, { 'other.ts': ['Same'] }])
  })

  it('share the families of a package only if both import it, directly or by another package', async (test) => {
    const { config, write } = makeProject(test, {
      'node_modules/ours/package.json': '{"name":"ours","type":"module","exports":"./index.js"}',
      'node_modules/ours/index.js': "export * from 'deeper'\n",
      'node_modules/deeper/package.json': '{"name":"deeper","type":"module","exports":"./index.js"}',
      'node_modules/deeper/index.js':
        "import { task } from 'sluice'\nexport const Packed = task('Packed', {}, () => {})\n",
      'pipelines/visits.ts': moduleOf('Visits', "import 'ours'"),
    })
    const without = makeProject(test, { 'pipelines/alone.ts': moduleOf('Alone') })
    assert.deepEqual(familiesOf(await loadProject(config)), ['Packed', 'Visits'])
    assert.deepEqual(familiesOf(await loadProject(without.config)), ['Alone'])
    // The package itself is loaded once for all.
    assert.deepEqual(familiesOf(await loadProject(config)), ['Packed', 'Visits'])
    write('pipelines/visits.ts', moduleOf('Visits'))
    assert.deepEqual(familiesOf(await loadProject(config)), ['Visits'])
  })
})

describe('a family that is defined by a helper of another module', () => {
  it('belongs to the module that has called it, which has to be loaded for it', async (test) => {
    const made = (family: string) =>
      `import { pipeline } from 'sluice'\nimport { make } from '../lib/make.ts'\nexport const made = pipeline('${family.toLowerCase()}', make('${family}'))\n`
    const { config } = makeProject(test, {
      'lib/make.ts':
        "import { task } from 'sluice'\nexport const make = (name) => task(name, {}, () => {})\n",
      'pipelines/a.ts': made('A'),
      'pipelines/b.ts': made('B'),
    })
    await loadProject(config)
    assert.deepEqual(modulesOf(await loadProject(config)), { 'a.ts': ['A'], 'b.ts': ['B'] })
  })
})

describe('definitions that are followed', () => {
  it('are read again when a module changes that only the failed reading has loaded', async (test) => {
    const { config, write } = makeProject(test, { 'pipelines/visits.ts': moduleOf('Visits') })
    const project = await loadProject(config)
    const look = followDefinitions(project)
    /** What is changed is read when it has been the same for two looks. */
    const settle = async () => {
      await look()
      return look()
    }
    write('lib/wrong.ts', 'export const pipelines = [')
    write(
      'sluice.config.ts',
      `import { pipelines } from './lib/wrong.ts'\n${CONFIG.replace("['pipelines/*.ts']", 'pipelines')}`,
    )
    assert.equal((await settle()).is, 'wrong')
    assert.equal((await settle()).is, 'same')
    write('lib/wrong.ts', "export const pipelines = ['pipelines/*.ts']\n")
    const read = await settle()
    assert.deepEqual(read.is === 'read' && read.changed.map((path) => path.replace(/.*\//, '')), ['wrong.ts'])
    assert.deepEqual(familiesOf(project), ['Visits'])
    assert.equal((await settle()).is, 'same')
  })

  it('are those of the one project, whatever becomes of others', async (test) => {
    const one = makeProject(test, { 'pipelines/one.ts': moduleOf('One') })
    const other = makeProject(test, { 'pipelines/other.ts': moduleOf('Other') })
    const look = followDefinitions(await loadProject(one.config))
    await loadProject(other.config)
    other.write('pipelines/other.ts', moduleOf('Changed'))
    assert.deepEqual([(await look()).is, (await look()).is], ['same', 'same'])
  })
})

describe('a package that a pattern of the config names', () => {
  it('has its families in every loading', async (test) => {
    const { config } = makeProject(test, {
      'sluice.config.ts': CONFIG.replace('pipelines/*.ts', 'node_modules/packed/*.js'),
      'node_modules/packed/package.json': '{"name":"packed","type":"module"}',
      'node_modules/packed/pipeline.js': moduleOf('FromPackage'),
    })
    for (const project of [await loadProject(config), await loadProject(config)]) {
      assert.deepEqual(familiesOf(project), ['FromPackage'])
      assert.deepEqual(modulesOf(project), { 'pipeline.js': ['FromPackage'] })
    }
  })
})

describe('CommonJS modules', () => {
  it('are read anew as well, with what they require', async (test) => {
    const pipeline = `const { pipeline, task } = require('sluice')
      const name = require('../lib/name.cjs')
      exports.made = pipeline('made', task(name, {}, () => {}))`
    const { config, write } = makeProject(test, {
      'sluice.config.ts': CONFIG.replace('*.ts', '*.cjs'),
      'pipelines/made.cjs': pipeline,
      'lib/name.cjs': "module.exports = 'Before'",
    })
    const first = await loadProject(config)
    const second = await loadProject(config)
    write('lib/name.cjs', "module.exports = 'After'")
    const third = await loadProject(config)
    assert.deepEqual([first, second, third].map(familiesOf), [['Before'], ['Before'], ['After']])
    assert.deepEqual(modulesOf(third), { 'made.cjs': ['After'] })
  })
})
