import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { pathToFileURL } from 'node:url'
import { SluiceError } from '../../core/errors.ts'
import type { Staged, Storage } from '../../core/ports.ts'

/** From this many wanted names in one folder a listing is cheaper than single look-ups. */
const LIST_FROM = 8
const PARALLEL = 32

let written = 0

/** Targets as files under a folder. */
export function fileStorage(folder: string): Storage {
  const root = resolve(folder)
  const at = (path: string) => join(root, path)
  return {
    uri: (path) => pathToFileURL(at(path)).href,
    existMany: (paths) => existMany(paths.map(at)),
    list: (path) => list(root, path),
    read: (path) => createReadStream(at(path)),
    stage: (path, attempt, chunks) => stage(at(path), attempt, chunks),
    removeStaged: (path) => removeStaged(at(path)),
  }
}

async function stage(path: string, attempt: string, chunks: AsyncIterable<Uint8Array>): Promise<Staged> {
  await mkdir(dirname(path), { recursive: true })
  const beside = join(dirname(path), `${stagedPrefix(path)}${attempt}-${++written}.tmp`)
  const discard = () => rm(beside, { force: true })
  try {
    // Flushed, so that after a power failure the moved file is whole.
    await pipeline(Readable.from(chunks), createWriteStream(beside, { flush: true }))
  } catch (error) {
    await discard()
    throw explained(path, error)
  }
  return { read: () => createReadStream(beside), publish: () => rename(beside, path), discard }
}

/** A writer's name has no dot, so `a.txt` is told from `a.txt.gz`. */
const WRITER = /^[^.]+\.tmp$/
const stagedPrefix = (path: string) => `.${basename(path)}.`

async function removeStaged(path: string): Promise<void> {
  const prefix = stagedPrefix(path)
  const names = await readdir(dirname(path)).catch(() => [] as string[])
  for (const name of names)
    if (name.startsWith(prefix) && WRITER.test(name.slice(prefix.length)))
      await rm(join(dirname(path), name), { force: true })
}

async function existMany(paths: string[]): Promise<boolean[]> {
  const there = new Set<string>()
  const single: string[] = []
  for (const [folder, wanted] of Map.groupBy(paths, dirname))
    if (wanted.length < LIST_FROM) single.push(...wanted)
    else for (const name of await namesIn(folder)) there.add(join(folder, name))
  for (let start = 0; start < single.length; start += PARALLEL)
    await Promise.all(
      single.slice(start, start + PARALLEL).map(async (path) => {
        if (await isThere(path)) there.add(path)
      }),
    )
  return paths.map((path) => there.has(path))
}

async function list(root: string, folder: string): Promise<string[]> {
  try {
    const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    return files
      .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
      .sort()
  } catch (error) {
    if (isAbsent(error)) return []
    throw error
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (isAbsent(error)) return []
    throw error
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (isAbsent(error)) return false
    throw error
  }
}

const isAbsent = (error: unknown) =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')

function explained(path: string, error: unknown): unknown {
  if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') return error
  return new SluiceError('disk_full', `The disk is full: ${path} could not be written.`, {
    cause: error,
    hint: 'Make room, then give the same command again.',
  })
}
