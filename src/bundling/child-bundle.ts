import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { getCompileCacheDir } from 'node:module'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { OutputFile } from 'esbuild'
import { type MadeBundle, makeBundle } from './bundle.ts'
import { makeZodEntry, readZodVersion } from './zod-entry.ts'

/** A bundle that was made, and the files that it was made of, with the instants at which they were changed. */
interface BundleEntry {
  folder: string
  inputs: { [path: string]: number }
}

/**
 * The module that runs bodies, in one piece with Sluice and zod: to find and read their 150 modules takes a process longer
 * than everything else that it does before its body. `source` if esbuild is not installed (a deployment needs it as
 * well), or the bundle cannot be made. It is kept beside compiled code, because it is trusted in the same way.
 */
export async function findChildBundle(source: string): Promise<string> {
  const cache = getCompileCacheDir()
  if (cache === undefined) return source
  try {
    return join(await bundleIn(join(cache, 'children'), source), 'child.mjs')
  } catch {
    // It is only slower.
    return source
  }
}

/** The folder of the bundle; made anew if anything in it has changed. */
async function bundleIn(cache: string, source: string): Promise<string> {
  const index = join(cache, `${digest(source)}.json`)
  const known = existsSync(index) ? (JSON.parse(readFileSync(index, 'utf8')) as BundleEntry) : undefined
  if (known !== undefined && isCurrent(known)) return known.folder
  const began = Date.now()
  const { outputFiles, metafile } = await makeChildBundle(source)
  const folder = join(cache, digest(...outputFiles.map(({ hash }) => hash)))
  mkdirSync(cache, { recursive: true })
  if (!existsSync(folder)) keep(outputFiles, folder)
  const parts = Object.keys(metafile.inputs).map((path) => resolve(dirname(source), path))
  const inputs = readChangeTimes([...parts, ...BUNDLER])
  // What has changed since may be in it or not.
  if (Object.values(inputs).every((at) => at < began))
    writeWhole(index, JSON.stringify({ folder, inputs } satisfies BundleEntry))
  return folder
}

const digest = (...texts: string[]) =>
  createHash('sha256').update(texts.join('\n')).digest('hex').slice(0, 16)

/** What makes the bundle: another version of it makes another bundle. */
const BUNDLER = ['child-bundle', 'bundle'].map((name) =>
  fileURLToPath(new URL(`./${name}${extname(import.meta.url)}`, import.meta.url)),
)

/** By the inode: npm gives each file of every package the same time of modification. */
const readChangeTimes = (paths: string[]) =>
  Object.fromEntries(
    paths.map((path) => [path, statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0] as const),
  )

function isCurrent({ folder, inputs }: BundleEntry): boolean {
  const now = readChangeTimes([...Object.keys(inputs), ...BUNDLER])
  return existsSync(folder) && Object.entries(now).every(([path, at]) => inputs[path] === at)
}

/** Others see the whole folder or none; who comes second throws its own away. */
function keep(files: OutputFile[], folder: string): void {
  const beside = `${folder}.${process.pid}`
  mkdirSync(beside, { recursive: true })
  for (const { path, contents } of files) writeFileSync(join(beside, basename(path)), contents)
  try {
    renameSync(beside, folder)
  } catch (error) {
    rmSync(beside, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
}

function writeWhole(path: string, text: string): void {
  const beside = `${path}.${process.pid}`
  writeFileSync(beside, text)
  renameSync(beside, path)
}

function makeChildBundle(source: string): Promise<MadeBundle> {
  const index = join(dirname(source), '../src', basename(source).replace('child', 'index'))
  return makeBundle({
    folder: dirname(source),
    entries: {
      child: `import ${JSON.stringify(source)}`,
      index: `export * from ${JSON.stringify(index)}`,
      zod: makeZodEntry(),
    },
    define: {
      BUNDLED: JSON.stringify({ index: './index.mjs', zod: './zod.mjs', zodVersion: readZodVersion() }),
    },
    // Clients of AWS are needed rarely, and are large.
    stayInPlace: /^@(aws-sdk|smithy)\//,
  })
}
