import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { lstat, mkdtemp, readdir, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { SluiceError } from '../../core/errors.ts'
import type { Image, ImageBuild } from '../../core/plan.ts'
import { isMissingImage } from '../../core/program.ts'
import { ContainerEngine, type EngineCall, readLastLine } from './container-engine.ts'

/** An image that is on this machine. */
export interface ReadyImage {
  /** By this it is run: its id, which no later pull or build changes. */
  id: string
  /** By this people and registries know it: the digest of what was pulled, or the id of what was built here. */
  digest: string
}

/** How the image is got. */
export interface ImageCall extends EngineCall {
  /** Tells that a pull or a build has begun, which can take minutes. */
  onWork(what: string): void
}

/** So long an image that was looked at is not looked at again. */
const KNOWN_MS = 60_000
const LABEL = 'sluice.build'
/** So many last lines of a build that failed are part of its error. */
const BUILD_LINES = 15

/** Images of this machine: pulled if they are missing, built if their folder has changed. */
export class ContainerImages {
  readonly #known = new Map<string, { image: Promise<ReadyImage>; until: number }>()

  /** The image, ready to run; attempts that need the same one wait for one pull or build. Throws why it cannot be had. */
  async get(engine: ContainerEngine, image: Image, call: ImageCall): Promise<ReadyImage> {
    const key = JSON.stringify(image)
    const known = this.#known.get(key)
    if (known !== undefined && known.until > performance.now()) return known.image
    const made = 'reference' in image ? pull(engine, image.reference, call) : build(engine, image.build, call)
    const entry = { image: made, until: Number.POSITIVE_INFINITY }
    this.#known.set(key, entry)
    try {
      return await made
    } finally {
      // A failure is told to those who wait for it, and the next attempt tries again.
      entry.until = (await made.then(
        () => true,
        () => false,
      ))
        ? performance.now() + KNOWN_MS
        : 0
    }
  }
}

async function pull(engine: ContainerEngine, reference: string, call: ImageCall): Promise<ReadyImage> {
  const there = await inspect(engine, reference)
  if (there !== undefined) return there
  call.onWork(`pulling ${reference}`)
  const { code, stderr } = await engine.call(['pull', reference], call)
  if (code !== 0) throw pullError(reference, stderr)
  const image = await inspect(engine, reference)
  if (image === undefined) throw new Error(`${engine.command} pulled ${reference} and does not have it`)
  return image
}

function pullError(reference: string, stderr: string): Error {
  const message = `the image ${reference} cannot be pulled: ${readLastLine(stderr)}`
  // No registry is there by this name: it is for images that were made on this machine.
  const isLocal = reference.startsWith('localhost/')
  if (!isLocal && !isMissingImage(stderr)) return new Error(message)
  return new SluiceError('no_image', message, {
    hint: isLocal
      ? 'An image of localhost/ is made on this machine: build it first, or let Sluice build it, with build(…).'
      : 'Check the name and the tag, and log in to the registry (`docker login` or `podman login`).',
  })
}

async function inspect(engine: ContainerEngine, reference: string): Promise<ReadyImage | undefined> {
  const [image] = await engine.inspect('image', [reference])
  return image && { id: image.Id, digest: image.RepoDigests?.[0] ?? image.Id }
}

async function build(engine: ContainerEngine, options: ImageBuild, call: ImageCall): Promise<ReadyImage> {
  const context = await openContext(options, call)
  try {
    const { dockerfile = 'Dockerfile', target, args = {} } = options
    if (!existsSync(join(context.folder, dockerfile)))
      throw new SluiceError(
        'no_image',
        `there is no ${dockerfile} in ${options.folder}${options.ref === undefined ? '' : ` at ${options.ref}`}`,
      )
    const fingerprint = createHash('sha256').update(
      JSON.stringify({ content: await hashFolder(context.folder), dockerfile, target, args }),
    )
    const tag = `localhost/sluice-build:${fingerprint.digest('hex').slice(0, 32)}`
    const there = await inspect(engine, tag)
    if (there !== undefined) return there
    call.onWork(`building ${options.folder}`)
    await runBuild(
      engine,
      { tag, dockerfile, target, args, folder: context.folder, shown: options.folder },
      call,
    )
    const image = await inspect(engine, tag)
    if (image === undefined) throw new Error(`${engine.command} built ${options.folder} and does not have it`)
    return image
  } finally {
    await context.close()
  }
}

interface BuildRun {
  tag: string
  dockerfile: string
  target: string | undefined
  args: { [name: string]: string }
  folder: string
  /** The folder as the user knows it. */
  shown: string
}

async function runBuild(
  engine: ContainerEngine,
  { tag, dockerfile, target, args, folder, shown }: BuildRun,
  call: ImageCall,
): Promise<void> {
  const { code, stdout, stderr } = await engine.call(
    [
      'build',
      ...['--tag', tag, '--label', LABEL, '--file', join(folder, dockerfile)],
      ...(target === undefined ? [] : ['--target', target]),
      ...Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
      folder,
    ],
    call,
  )
  if (code === 0) return
  const lines = `${stdout}\n${stderr}`.trim().split('\n').slice(-BUILD_LINES).join('\n')
  throw new SluiceError('no_image', `the image of ${shown} cannot be built:\n${lines}`)
}

interface BuildContext {
  folder: string
  close(): Promise<void>
}

/** The folder itself, or what the repository around it holds at a branch, tag or commit. */
async function openContext({ folder, ref }: ImageBuild, { signal }: EngineCall): Promise<BuildContext> {
  if (!existsSync(folder))
    throw new SluiceError('no_image', `there is no folder ${folder} to build an image from`)
  if (ref === undefined) return { folder, close: async () => {} }
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
async function hashFolder(folder: string): Promise<string> {
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
