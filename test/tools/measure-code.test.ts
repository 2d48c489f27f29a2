import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { type Measures, measureCode } from '../../tools/measure-code/measure.ts'
import { projectFolder, temporaryFolder } from '../support/folders.ts'

const BEFORE: Record<string, string> = {
  'src/cli/main.ts': `
import { makeRequest, startHere, startThere } from '../control/start.ts'
interface Command { command(usage: string): Command; action(run: (name: string, options: Options) => void): Command }
export interface Options { env?: string; state: string }
declare const program: Command
program.command('run <name>').action((name, options) => {
  const request = makeRequest(name, options)
  if (options.env !== undefined) return startThere(request)
  startHere(request, options.state)
})
program.command('list').action(() => console.log('nothing is passed'))
`,
  'src/control/start.ts': `
import { checkName } from '../core/names.ts'
import type { Store } from '../core/store.ts'
import { openStore } from '../adapters/files/store.ts'
/** Makes a request. */
export const makeRequest = (name: string, options: object) => ({ name: checkName(name), options })
/** Starts it here. */
export function startHere(request: { name: string }, state: string) { openStore(state); const store = {} as Store; store.write(request.name) }
/** Starts it there. */
export function startThere(request: object) { return JSON.stringify(request) }
`,
  'src/core/names.ts': `
/** Checks a name. */
export function checkName(name: string) { return name }
export const TABLE = 'SLUICE_TABLE'
`,
  'src/core/store.ts': '/** Keeps records. */\nexport interface Store { write(name: string): void }\n',
  'src/adapters/files/store.ts': `
import type { Store } from '../../core/store.ts'
/** Opens one. */
export function openStore(folder: string): Store { return { write: (name) => { record(name + folder) } } }
function record(text: string) { console.log(text) }
`,
  'src/adapters/memory/store.ts': `
import type { Store } from '../../core/store.ts'
/** Opens one. */
export function memoryStore(): Store { return { write(name) { record(name) } } }
function record(text: string) { console.log(text!) }
`,
  'infra/stack.ts': "console.log('SLUICE_TABLE')\n",
}

/** A second version of the tree, in which each figure is another one. */
const AFTER: Record<string, string> = {
  ...BEFORE,
  'src/cli/main.ts': `
import { start } from '../control/start.ts'
interface Command { command(usage: string): Command; action(run: (name: string, options: object) => void): Command }
declare const program: Command
program.command('run <name>').action((name, options) => start(name, options))
`,
  'src/control/start.ts': `
/** Starts it. */
export function start(name: string, options: object) { return [name, options] as const }
`,
  'src/core/names.ts': `
/** The table. */
export const TABLE = 'SLUICE_TABLE'
`,
  'src/adapters/memory/store.ts': 'console.log(1)\n',
  'infra/stack.ts': `import { TABLE } from '../src/core/names.ts'\n${'console.log(TABLE)\n'.repeat(260)}
function long() {\n${'  console.log(TABLE)\n'.repeat(60)}}\nlong()\n`,
}

const SETTINGS = {
  compilerOptions: { strict: true, module: 'nodenext', noEmit: true, allowImportingTsExtensions: true },
}

function writeTree(test: TestContext, files: Record<string, string>): string {
  const folder = temporaryFolder(test)
  for (const [path, text] of Object.entries({ ...files, 'tsconfig.json': JSON.stringify(SETTINGS) })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

const walkOf = ({ commands }: Measures, name: string) => commands.find(({ command }) => command === name)

describe('the measures of the code', () => {
  it('count what is in the tree', (test) => {
    const measures = measureCode(writeTree(test, BEFORE))
    const { branches, casts, names, contracts } = measures
    assert.deepEqual(walkOf(measures, 'run')?.atPorts, {
      rooms: 4,
      stays: 6,
      returns: 2,
      names: 5,
      route: ['src/cli', 'src/control', 'src/core', 'src/control', 'src/adapters/files', 'src/core'],
    })
    assert.equal(walkOf(measures, 'run')?.everyDoor.rooms, 5)
    assert.equal(walkOf(measures, 'list')?.atPorts.stays, 1)
    assert.deepEqual(branches, [{ name: 'options.env !== undefined', at: 'src/cli/main.ts:8' }])
    assert.deepEqual([casts.casts, casts.nonNullAssertions], [1, 1])
    assert.deepEqual(casts.places, [{ file: 'src/control/start.ts', count: 1 }])
    assert.deepEqual(
      names.functionsInSeveralFiles.map(({ name }) => name),
      ['record'],
    )
    assert.deepEqual(
      names.withoutDocstring.map(({ name }) => name),
      ['Options', 'TABLE'],
    )
    assert.deepEqual(
      contracts.map(({ name }) => name),
      ['SLUICE_TABLE'],
    )
  })

  it('change with the tree', (test) => {
    const measures = measureCode(writeTree(test, AFTER))
    const { branches, casts, names, sizes, contracts } = measures
    assert.deepEqual(walkOf(measures, 'run')?.atPorts, {
      rooms: 2,
      stays: 2,
      returns: 0,
      names: 2,
      route: ['src/cli', 'src/control'],
    })
    assert.deepEqual(branches, [])
    assert.equal(casts.casts, 0)
    assert.deepEqual(names.functionsInSeveralFiles, [])
    assert.deepEqual(names.withoutDocstring, [])
    assert.deepEqual(contracts, [])
    assert.deepEqual(
      sizes.files.beyondLimit.map(({ at }) => at),
      ['infra/stack.ts'],
    )
    assert.deepEqual(
      sizes.functions.beyondLimit.map(({ name }) => name),
      ['long (62)'],
    )
    assert.deepEqual([names.meanExportedLength, names.meanLength], [7, 5.8])
  })

  it('are printed as text and as data', (test) => {
    const folder = writeTree(test, AFTER)
    const print = (...options: string[]) =>
      spawnSync('node', ['tools/measure-code/main.ts', '--tree', folder, ...options], {
        cwd: projectFolder,
        encoding: 'utf8',
      }).stdout
    assert.match(print(), /^run +2 +2 +0 +2 +2 +2 +0 +2$/m)
    assert.equal((JSON.parse(print('--json')) as Measures).commands[0]?.command, 'run')
  })
})
