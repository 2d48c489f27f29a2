import { createHash } from 'node:crypto'
import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { lstat, mkdtemp, readdir, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { findStageProblem } from '../../core/dockerfile.ts'
import { SluiceError } from '../../core/errors.ts'
import type { ImageBuild } from '../../core/plan.ts'
import { ContainerEngine, type EngineCall, readLastLine } from './container-engine.ts'

/** The folder that an image is built from. */
export interface BuildContext {
  folder: string
  /** Text of the Dockerfile in it. */
  dockerfile: string
  /** Removes what was made for the build. */
  close(): Promise<void>
}

/**
 * The folder itself, or what the repository around it holds at a branch, tag or commit. Throws if there is no such folder,
 * commit, Dockerfile or stage.
 */
export async function openBuildContext(options: ImageBuild, call: EngineCall): Promise<BuildContext> {
  const { folder, ref, dockerfile = 'Dockerfile', target } = options
  if (!existsSync(folder))
    throw new SluiceError('no_image', `there is no folder ${folder} to build an image from`)
  const context =
    ref === undefined ? { folder, close: async () => {} } : await unpackCommit(folder, ref, call)
  const path = join(context.folder, dockerfile)
  const shown = `${folder}${ref === undefined ? '' : ` at ${ref}`}`
  const text = existsSync(path) ? readFileSync(path, 'utf8') : undefined
  const problem =
    text === undefined
      ? `there is no ${dockerfile} in ${shown}`
      : findStageProblem(text, target, `${dockerfile} in ${shown}`)
  if (text !== undefined && problem === undefined) return { ...context, dockerfile: text }
  await context.close()
  throw new SluiceError('no_image', problem ?? '')
}

async function unpackCommit(
  folder: string,
  ref: string,
  { signal }: EngineCall,
): Promise<Omit<BuildContext, 'dockerfile'>> {
  const git = new ContainerEngine('git')
  const copy = await mkdtemp(join(tmpdir(), 'sluice-build-'))
  const close = () => rm(copy, { recursive: true, force: true })
  const archive = join(copy, '.archive.tar')
  // In a folder of a repository `git archive` takes that folder alone, with paths relative to it.
  const { code, stderr } = await git.call(
    ['-C', folder, 'archive', '--format=tar', `--output=${archive}`, ref],
    signal === undefined ? {} : { signal },
  )
  const unpacked =
    code === 0 ? await new ContainerEngine('tar').call(['-xf', archive, '-C', copy]) : { code, stderr }
  if (unpacked.code !== 0) {
    await close()
    throw new SluiceError(
      'no_image',
      `the folder ${folder} cannot be read at ${ref}: ${readLastLine(unpacked.stderr)}`,
      {
        hint: 'ref is a branch, tag or commit of the repository in which the folder is.',
      },
    )
  }
  await rm(archive)
  return { folder: copy, close }
}

/** Whether a file may be executed; the rest of its mode depends on the user who made it. */
const EXECUTABLE = 0o100

/** Changes when a path, a link, an executable bit or a byte in the folder changes. */
export async function hashFolder(folder: string): Promise<string> {
  const hash = createHash('sha256')
  const entries = await readdir(folder, { withFileTypes: true, recursive: true })
  const paths = new Map(entries.map((entry) => [relative(folder, join(entry.parentPath, entry.name)), entry]))
  for (const path of [...paths.keys()].sort()) {
    const entry = paths.get(path)
    // History is no content, and changes with every commit.
    if (path.split(sep)[0] === '.git') continue
    const { mode } = await lstat(join(folder, path))
    hash.update(`${path}\0${mode & EXECUTABLE}\0`)
    if (entry?.isSymbolicLink()) hash.update(await readlink(join(folder, path)))
    else if (entry?.isFile()) await pipeline(createReadStream(join(folder, path)), hash, { end: false })
  }
  return hash.digest('hex')
}
