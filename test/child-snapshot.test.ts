import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, it, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { ProcessEntry } from '../src/bundling/child-snapshot.ts'
import { temporaryFolder } from './support/folders.ts'

/** When npm says that every file of a package was changed. */
const PACKED = new Date('1985-10-26T08:15:00Z')
const MAKER = JSON.stringify(
  pathToFileURL(join(import.meta.dirname, '../src/bundling/child-snapshot.ts')).href,
)

/** A program that says its version on its channel, in a snapshot that is kept in a folder of its own. */
function makeProgram(test: TestContext) {
  const folder = temporaryFolder(test)
  const source = join(folder, 'worker/child.ts')
  const cache = join(folder, 'cache')
  const install = (version: string) => {
    const say = `require('node:fs').writeSync(3, 'version ${version}')`
    const files = {
      [source]: say,
      [join(folder, 'src/index.ts')]: '',
      [join(folder, 'src/homes/start-snapshot.ts')]: `
import { startupSnapshot } from 'node:v8'
import { writeSync } from 'node:fs'
export const buildSnapshot = () => startupSnapshot.setDeserializeMainFunction(() => writeSync(3, 'version ${version}'))`,
    }
    for (const [path, contents] of Object.entries(files)) {
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, contents)
      utimesSync(path, PACKED, PACKED)
    }
  }
  install('1')
  /** What a process of Sluice finds, started by a shell that may do something before. */
  async function find(
    before = ':',
    env: NodeJS.ProcessEnv = {},
  ): Promise<ProcessEntry & { children: string }> {
    const script = `
const { enableCompileCache, getCompileCacheDir } = await import('node:module')
enableCompileCache(${JSON.stringify(cache)})
const { findChildSnapshot } = await import(${MAKER})
const found = await findChildSnapshot(${JSON.stringify(source)})
console.log(JSON.stringify({ ...found, children: getCompileCacheDir() + '/children' }))`
    const args = ['-c', `${before}; exec "$0" --input-type=module -e "$1"`, process.execPath, script]
    const child = spawn('sh', args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } })
    return JSON.parse(await text(child.stdout))
  }
  return { source, install, find }
}

/** What a process says that is started so. */
async function start({ module, flags = [], env }: ProcessEntry): Promise<string> {
  const child = spawn(process.execPath, [...flags, module], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, ...env },
  })
  const said = text(child.stdio[3] as NodeJS.ReadableStream)
  await once(child, 'close')
  return said
}

const blobOf = ({ module }: ProcessEntry) => join(dirname(module), 'child.blob')
const isSnapshot = ({ flags = [] }: ProcessEntry) => flags.some((each) => each.startsWith('--snapshot-blob='))

describe('the snapshot of a child', () => {
  it('is kept, and made anew where another version has been installed in its place', async (test) => {
    const { find, install } = makeProgram(test)
    const first = await find()
    assert.ok(isSnapshot(first))
    assert.equal(await start(first), 'version 1')
    assert.deepEqual(await find(), first)
    install('2')
    const second = await find()
    assert.equal(await start(second), 'version 2')
    assert.equal(await start(first), 'version 1', 'an engine of before may still start processes from it')
  })

  it('may be made by two engines at the same time', async (test) => {
    const { find } = makeProgram(test)
    const both = await Promise.all([find(), find()])
    for (const each of both) {
      assert.ok(isSnapshot(each))
      assert.equal(await start(each), 'version 1')
    }
    assert.ok(both.some(({ module }) => module === both[0]?.module))
    const later = await find()
    assert.ok(
      both.some(({ module }) => module === later.module),
      'it is not made a third time',
    )
  })

  it('is made anew where its file was changed, cut off, or its index is no index', async (test) => {
    const { find } = makeProgram(test)
    const first = await find()
    appendFileSync(blobOf(first), 'x')
    const second = await find()
    assert.notEqual(second.module, first.module)
    truncateSync(blobOf(second), 1_000_000)
    const third = await find()
    assert.equal(await start(third), 'version 1')
    const [index = ''] = readdirSync(third.children).filter((each) => each.endsWith('.json'))
    truncateSync(join(third.children, index), 20)
    const fourth = await find()
    assert.notEqual(fourth.module, third.module)
    assert.equal(await start(fourth), 'version 1')
  })

  it('is neither made nor believed where another user can write', async (test) => {
    const { find, source } = makeProgram(test)
    const { children } = await find()
    chmodSync(children, 0o777)
    assert.equal((await find()).module, source)
    chmodSync(children, 0o700)
    assert.ok(isSnapshot(await find()))
    chmodSync(dirname(children), 0o777)
    assert.equal((await find()).module, source)
    chmodSync(dirname(children), 0o1777)
    assert.ok(isSnapshot(await find()), 'a sticky folder lets nobody replace what is of another')
    if (process.getuid?.() !== 0) return
    chownSync(children, 12_345, 12_345)
    assert.equal((await find()).module, source)
  })

  it('is left out, and nothing is left behind, where the disk is full or the folder cannot be made', async (test) => {
    const { find, source } = makeProgram(test)
    // A file may have a megabyte: the script fits, the snapshot does not.
    const full = await find('ulimit -f 2048')
    assert.equal(full.module, source)
    assert.deepEqual(readdirSync(full.children), [])
    const { children } = full
    chmodSync(children, 0o700)
    assert.ok(isSnapshot(await find()))
  })

  it('is left out where NODE_OPTIONS may name modules that are loaded before', async (test) => {
    const { find, source } = makeProgram(test)
    assert.equal((await find(':', { NODE_OPTIONS: '--max-old-space-size=500' })).module, source)
  })
})
