import { execFile, spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { getCompileCacheDir } from 'node:module'
import { dirname, extname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { makeBundle } from './bundle.ts'
import { isOwnFolder } from './own-folder.ts'
import { findZod, readZodVersion } from './zod-entry.ts'

/** How a process is started: the module that it runs, flags of Node before it, and variables that it has unless ours say else. */
export interface ProcessEntry {
  module: string
  flags?: string[]
  env?: NodeJS.ProcessEnv
}

/** A snapshot that was made, and the files that it was made of, by what tells that one of them has changed. */
interface Snapshot {
  folder: string
  print: string
  inputs: { [path: string]: string }
}

/** Where it is unused for so long it is removed. */
const KEPT_MS = 7 * 24 * 60 * 60_000
const MOST_MS = 60_000

/**
 * A snapshot of V8 in which Sluice and zod are loaded: to load them takes a process longer than everything else that it does before its
 * body. It is kept beside compiled code, because it is trusted in the same way, and never where another user can write. `source`, the
 * module itself, where none can be made.
 */
export async function findChildSnapshot(source: string): Promise<ProcessEntry> {
  const cache = getCompileCacheDir()
  // Node loads no modules before a snapshot (`--import`).
  if (cache === undefined || process.env.NODE_OPTIONS) return { module: source }
  try {
    const { folder } = await findSnapshotIn(join(cache, 'children'), source)
    return makeEntry(folder)
  } catch {
    // It is only slower.
    return { module: source }
  }
}

/**
 * Node reads all of a snapshot and copies it twice. In large pages of memory that is used again this takes half as many page faults. Only
 * glibc knows the variable.
 */
const ENVIRONMENT = { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=16777216' }

/** The seed of hashes was drawn when the snapshot was made, so that it need not be hashed anew. */
const makeEntry = (folder: string): ProcessEntry => ({
  module: join(folder, 'child.js'),
  flags: [`--snapshot-blob=${join(folder, 'child.blob')}`, '--no-rehash-snapshot'],
  env: ENVIRONMENT,
})

/** The snapshot of a source; made anew if anything in it has changed. */
async function findSnapshotIn(cache: string, source: string): Promise<Snapshot> {
  mkdirSync(cache, { recursive: true, mode: 0o700 })
  if (!isOwnFolder(cache)) throw new Error(`another user may write into ${cache}`)
  const index = join(cache, `${digest(source, process.execPath)}.json`)
  const known = readIndex(index)
  const began = Date.now()
  if (known !== undefined && isCurrent(known)) {
    utimesSync(known.folder, began / 1000, began / 1000)
    return known
  }
  const folder = mkdtempSync(join(cache, 'snapshot-'))
  try {
    const inputs = await makeSnapshot(source, folder)
    const made = { folder, print: makePrint(join(folder, 'child.blob')), inputs: readPrints(inputs) }
    // What has changed since may be in it or not.
    if (inputs.every((path) => readChangeTime(path) < began)) writeWhole(index, JSON.stringify(made))
    removeOld(cache, began)
    return made
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

const digest = (...texts: string[]) => hash('sha256', texts.join('\n')).slice(0, 16)

function readIndex(path: string): Snapshot | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    // It is not there, or was cut off: it is made anew.
    return undefined
  }
}

const readChangeTime = (path: string) => statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0

/** By the inode and its change: npm gives each file of every package the same time of modification. */
function makePrint(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined ? 'absent' : `${found.ino}.${found.ctimeMs}.${found.size}`
}

const readPrints = (paths: string[]) => Object.fromEntries(paths.map((path) => [path, makePrint(path)]))

const isCurrent = ({ folder, print, inputs }: Snapshot): boolean =>
  existsSync(join(folder, 'child.js')) &&
  makePrint(join(folder, 'child.blob')) === print &&
  Object.entries(inputs).every(([path, was]) => makePrint(path) === was)

/** An engine that goes on for days may still start processes from one. */
function removeOld(cache: string, now: number): void {
  for (const name of globSync('snapshot-*', { cwd: cache }))
    if (readChangeTime(join(cache, name)) < now - KEPT_MS)
      rmSync(join(cache, name), { recursive: true, force: true })
}

function writeWhole(path: string, text: string): void {
  const beside = `${path}.${process.pid}`
  writeFileSync(beside, text, { mode: 0o600 })
  renameSync(beside, path)
}

/** Makes a snapshot in a folder, and sees a process start from it. Returns what it was made of. */
async function makeSnapshot(source: string, folder: string): Promise<string[]> {
  const { metafile, outputFiles } = await makeScript(source, folder)
  const entry = makeEntry(folder)
  for (const { contents } of outputFiles) writeFileSync(entry.module, contents)
  const args = [...(entry.flags ?? []).slice(0, 1), '--build-snapshot', entry.module]
  // Without variables: nothing of them has to be in it.
  await promisify(execFile)(process.execPath, args, { env: {}, timeout: MOST_MS })
  await seeStart(entry)
  const parts = Object.keys(metafile.inputs).filter((path) => !/^(entry|late):/.test(path))
  return [...parts.map((path) => resolve(dirname(source), path)), ...MAKERS, process.execPath]
}

/** What makes a snapshot: another version of it makes another one. */
const MAKERS = ['child-snapshot', 'bundle', 'late-modules', 'zod-entry'].map((name) =>
  fileURLToPath(new URL(`./${name}${extname(import.meta.url)}`, import.meta.url)),
)

function makeScript(source: string, folder: string) {
  const path = (of: string) => JSON.stringify(join(dirname(source), '../src', `${of}${extname(source)}`))
  return makeBundle({
    folder: dirname(source),
    entries: {
      child: [
        `import * as index from ${path('index')}`,
        `import * as zod from ${JSON.stringify(findZod())}`,
        `import { buildSnapshot } from ${path('homes/start-snapshot')}`,
        `buildSnapshot({ index, zod }, ${JSON.stringify(ENVIRONMENT)})`,
      ].join('\n'),
    },
    define: {
      BUNDLED: JSON.stringify({ index: './index.mjs', zod: './zod.mjs', zodVersion: readZodVersion() }),
    },
    scriptAt: pathToFileURL(join(folder, 'child.js')).href,
    // Clients of AWS are needed rarely, and are large.
    external: ['@aws-sdk/*', '@smithy/*'],
  })
}

/** Throws unless a process that is started in this way says something of itself, which is that it is ready. */
async function seeStart({ module, flags = [], env }: ProcessEntry): Promise<void> {
  const child = spawn(process.execPath, [...flags, module], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    ...(env && { env }),
    timeout: MOST_MS,
  })
  let isReady = false
  child.stdio[3]?.on('data', () => {
    isReady = true
    child.kill('SIGKILL')
  })
  await once(child, 'close')
  if (!isReady) throw new Error('no process starts from the snapshot')
}
