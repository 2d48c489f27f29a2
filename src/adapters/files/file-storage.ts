import {
  closeSync,
  createReadStream,
  createWriteStream,
  type Dirent,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs'
import { readdir, realpath, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { pathToFileURL } from 'node:url'
import pMap from 'p-map'
import { readErrorCode, SluiceError } from '../../core/errors.ts'
import type { StagedOutput, Storage } from '../../core/ports/working.ts'

/** From this many wanted names in one folder a listing is cheaper than single look-ups. */
const LIST_FROM = 8
const PARALLEL = 32
/** A few look-ups are quicker than handing them to other threads; a chain is planned one by one. */
const ASYNC_FROM = 4

/** Content up to this size is written at once, without the detour over threads that costs more than the writing. */
const SMALL_BYTES = 64 * 1024

let written = 0

/** Paths of which nothing is encoded in a URL; turning all into one took a tenth of planning. */
const PLAIN = /^[\w/.=+@,-]+$/

/** How outputs are written. */
export interface FileStorageOptions {
  /** Written through to the disk, so that also after a power failure a file is whole or absent. @default true */
  flush?: boolean
}

/** Targets as files under a folder. */
export function makeFileStorage(folder: string, { flush = true }: FileStorageOptions = {}): Storage {
  const root = resolve(folder)
  const prefix = root.endsWith(sep) ? root : `${root}${sep}`
  // Paths of targets have been checked: nothing is left to normalise, which took a tenth of planning.
  const at = (path: string) => `${prefix}${path}`
  const base = pathToFileURL(root).href.replace(/\/$/, '')
  return {
    uri: (path) => (PLAIN.test(path) ? `${base}/${path}` : pathToFileURL(at(path)).href),
    existMany: (paths) => checkPathsExist(prefix, paths),
    list: async (path) => (await listFilesBelow(`${prefix}${path}`, path, new Set())).sort(),
    read: (path) => createReadStream(at(path)),
    stage: (path, attempt, content) => stageContent(at(path), attempt, content, flush),
    removeStaged: (path) => removeStaged(at(path)),
  }
}

async function stageContent(
  path: string,
  attempt: string,
  content: Content,
  flush: boolean,
): Promise<StagedOutput> {
  const beside = formatPathBeside(path, `${attempt}-${++written}.tmp`)
  const discard = () => rm(beside, { force: true })
  try {
    const file = openNewFile(beside)
    if (isSmall(content)) writeAtOnce(file, content, flush)
    else await writeStream(file, content, flush)
  } catch (error) {
    await discard()
    throw explainDiskFull(path, error)
  }
  return {
    read: () => createReadStream(beside),
    publish: async () => renameSync(beside, path),
    discard,
    withdraw: () => rm(path, { force: true }),
  }
}

/** A hidden name in the folder of a path that has been checked; to take such a path apart properly takes as long as to open it. */
function formatPathBeside(path: string, end: string): string {
  const name = Math.max(path.lastIndexOf('/'), path.lastIndexOf(sep)) + 1
  return `${path.slice(0, name)}.${path.slice(name)}.${end}`
}

/** A new file; its folder is made if it is missing. */
function openNewFile(path: string): number {
  try {
    return openSync(path, 'w')
  } catch (error) {
    if (!isAbsentFileError(error)) throw error
    mkdirSync(dirname(path), { recursive: true })
    return openSync(path, 'w')
  }
}

type Content = Parameters<Storage['stage']>[2]

const isSmall = (content: Content): content is Uint8Array =>
  content instanceof Uint8Array && content.length <= SMALL_BYTES

function writeAtOnce(file: number, content: Uint8Array, flush: boolean): void {
  try {
    for (let at = 0; at < content.length; ) at += writeSync(file, content, at)
    if (flush) fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

async function writeStream(file: number, content: Content, flush: boolean): Promise<void> {
  const chunks = content instanceof Uint8Array ? [content] : content
  await pipeline(Readable.from(chunks), createWriteStream('', { fd: file, flush }))
}

/** A writer's name has no dot, so `a.txt` is told from `a.txt.gz`. */
const WRITER = /^[^.]+\.tmp$/
const stagedPrefix = (path: string) => `.${basename(path)}.`

async function removeStaged(path: string): Promise<void> {
  const prefix = stagedPrefix(path)
  const names = await readdir(dirname(path)).catch((): string[] => [])
  for (const name of names)
    if (name.startsWith(prefix) && WRITER.test(name.slice(prefix.length)))
      await rm(join(dirname(path), name), { force: true })
}

const formatFolder = (path: string) => path.slice(0, path.lastIndexOf('/') + 1)

/** Paths by the folder that they are in: one is listed if enough of it is wanted, else each is looked up. */
async function checkPathsExist(prefix: string, paths: string[]): Promise<boolean[]> {
  const names = new Map<string, ReadonlySet<string>>()
  const single: string[] = []
  for (const [folder, wanted] of Map.groupBy(paths, formatFolder))
    if (wanted.length < LIST_FROM) single.push(...wanted)
    else names.set(folder, new Set(await listNames(`${prefix}${folder}`, wanted)))
  const there = await findPresent(prefix, single)
  return paths.map((path) => {
    const folder = formatFolder(path)
    return names.get(folder)?.has(path.slice(folder.length)) ?? there.has(path)
  })
}

/** Those of the paths at which there is a file, each looked up by itself. */
async function findPresent(prefix: string, paths: string[]): Promise<Set<string>> {
  const there = new Set<string>()
  const look = async (path: string) => {
    if (await isFilePresent(`${prefix}${path}`)) there.add(path)
  }
  if (paths.length < ASYNC_FROM) {
    for (const path of paths) if (isFilePresentNow(`${prefix}${path}`)) there.add(path)
  } else await pMap(paths, look, { concurrency: PARALLEL })
  return there
}

/**
 * The paths of files below a folder, links followed as `stat` and reading follow them; a dangling link is absent.
 * `above` holds the real paths of the folders on the way here, so that a link back up to one of them ends.
 */
async function listFilesBelow(folder: string, path: string, above: ReadonlySet<string>): Promise<string[]> {
  const real = await realpath(folder).catch(ignoreAbsence)
  if (real === undefined || above.has(real)) return []
  const paths: string[] = []
  for (const entry of await readEntries(folder)) {
    if (entry.name.startsWith('.')) continue
    const at = `${folder}/${entry.name}`
    const found = entry.isSymbolicLink() ? await stat(at).catch(ignoreAbsence) : entry
    const inside = `${path.replace(/\/$/, '')}/${entry.name}`
    if (found?.isFile()) paths.push(inside)
    if (found?.isDirectory())
      for (const each of await listFilesBelow(at, inside, new Set([...above, real]))) paths.push(each)
  }
  return paths
}

/** Names in a folder; a link is one of them only if it leads to something, as a single look-up says too. */
async function listNames(folder: string, wanted: string[]): Promise<string[]> {
  const entries = await readEntries(folder)
  const links = entries.filter((entry) => entry.isSymbolicLink())
  if (links.length === 0) return entries.map(({ name }) => name)
  const names = new Set(wanted.map((path) => path.slice(path.lastIndexOf('/') + 1)))
  const there = await findPresent(
    folder,
    links.map(({ name }) => name).filter((name) => names.has(name)),
  )
  return entries
    .map(({ name }) => name)
    .filter((name, index) => !entries[index]?.isSymbolicLink() || there.has(name))
}

async function readEntries(folder: string): Promise<Dirent[]> {
  return (await readdir(folder, { withFileTypes: true }).catch(ignoreAbsence)) ?? []
}

function ignoreAbsence(error: unknown): undefined {
  if (!isAbsentFileError(error)) throw error
}

function isFilePresentNow(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined
  } catch (error) {
    if (isAbsentFileError(error)) return false
    throw error
  }
}

async function isFilePresent(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (isAbsentFileError(error)) return false
    throw error
  }
}

const isAbsentFileError = (error: unknown) =>
  // A link to itself leads nowhere as well.
  ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(readErrorCode(error) ?? '')

function explainDiskFull(path: string, error: unknown): unknown {
  if (readErrorCode(error) !== 'ENOSPC') return error
  return new SluiceError('disk_full', `The disk is full: ${path} could not be written.`, {
    cause: error,
    hint: 'Make room, then give the same command again.',
  })
}
