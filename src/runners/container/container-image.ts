import { createHash } from 'node:crypto'
import { basename, join } from 'node:path'
import { SluiceError } from '../../core/errors.ts'
import type { Image, ImageBuild } from '../../core/plan.ts'
import { isMissingImage } from '../../core/program.ts'
import type { Progress } from '../../core/records/task-run.ts'
import { type BuildContext, hashFolder, openBuildContext } from './build-context.ts'
import { type ContainerEngine, type EngineCall, readLastLine } from './container-engine.ts'
import { makeImageProgress } from './image-progress.ts'

/** An image that is on this machine. */
export interface ReadyImage {
  /** By this it is run: its id, which no later pull or build changes. */
  id: string
  /** By this people and registries know it: the digest of what was pulled, or the id of what was built here. */
  digest: string
}

/** How the image is got. */
export interface ImageCall extends EngineCall {
  /** Tells how far a pull or a build is, which can take minutes; never called if the image is there. */
  onProgress(progress: Progress): void
  /** Values of build secrets by their ids, as far as they are set. */
  buildSecrets: { readonly [id: string]: string }
}

/** So long an image that was looked at is not looked at again. */
const KNOWN_MS = 60_000
const LABEL = 'sluice.build'
const LOCAL = 'localhost/'
/** So many last lines of a build that failed are part of its error. */
const BUILD_LINES = 15

interface KnownImage {
  image: Promise<ReadyImage>
  until: number
  /** How far the work for it is, for all that wait. */
  waiting: Set<ImageCall['onProgress']>
}

/**
 * Images of this machine: pulled if they are missing, built if their folder has changed. Those that are renewed are pulled or built
 * once more at their first use, with newer images that they are built from.
 */
export class ContainerImages {
  readonly #known = new Map<string, KnownImage>()
  readonly #toRenew: boolean
  readonly #renewed = new Set<string>()

  constructor({ renews = false }: { renews?: boolean } = {}) {
    this.#toRenew = renews
  }

  /** The image, ready to run; attempts that need the same one wait for one pull or build. Throws why it cannot be had. */
  async get(engine: ContainerEngine, image: Image, call: ImageCall): Promise<ReadyImage> {
    const key = JSON.stringify(image)
    const known = this.#known.get(key)
    if (known !== undefined && known.until > performance.now()) {
      known.waiting.add(call.onProgress)
      return known.image
    }
    const waiting = new Set([call.onProgress])
    const onProgress = (progress: Progress) => {
      for (const each of waiting) each(progress)
    }
    const renews = this.#toRenew && !this.#renewed.has(key)
    const shared = { ...call, onProgress, renews }
    const made =
      'reference' in image ? pull(engine, image.reference, shared) : build(engine, image.build, shared)
    const entry = { image: made, until: Number.POSITIVE_INFINITY, waiting }
    this.#known.set(key, entry)
    try {
      const ready = await made
      this.#renewed.add(key)
      return ready
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

type SharedCall = ImageCall & { renews: boolean }

/** A call whose output tells how far it is, and goes into the log. */
function tellProgress(call: ImageCall, what: string): EngineCall {
  const { signal, onText } = call
  const progress = makeImageProgress(what, call.onProgress)
  return {
    ...(signal === undefined ? {} : { signal }),
    onText(from, text) {
      progress(text)
      onText?.(from, text)
    },
  }
}

/** An image that is called by its digest never changes, and of one of this machine no registry has another. */
const isFixed = (reference: string) => reference.includes('@sha256:') || reference.startsWith(LOCAL)

async function pull(engine: ContainerEngine, reference: string, call: SharedCall): Promise<ReadyImage> {
  const there = await inspect(engine, reference)
  if (there !== undefined && !(call.renews && !isFixed(reference))) return there
  const { code, stderr } = await engine.call(['pull', reference], tellProgress(call, `pulling ${reference}`))
  if (code !== 0) throw pullError(reference, stderr)
  const image = await inspect(engine, reference)
  if (image === undefined) throw new Error(`${engine.command} pulled ${reference} and does not have it`)
  return image
}

function pullError(reference: string, stderr: string): Error {
  const message = `the image ${reference} cannot be pulled: ${readLastLine(stderr)}`
  // No registry is there by this name: it is for images that were made on this machine.
  const isLocal = reference.startsWith(LOCAL)
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

async function build(engine: ContainerEngine, options: ImageBuild, call: SharedCall): Promise<ReadyImage> {
  const context = await openBuildContext(options, call)
  try {
    const { dockerfile = 'Dockerfile', target, args = {} } = options
    // The value of a build secret changes nothing in the image, and is in no hash.
    const fingerprint = createHash('sha256').update(
      JSON.stringify({ content: await hashFolder(context.folder), dockerfile, target, args }),
    )
    const tag = `${LOCAL}sluice-build:${fingerprint.digest('hex').slice(0, 32)}`
    const there = await inspect(engine, tag)
    if (there !== undefined && !call.renews) return there
    await runBuild(engine, { tag, context, options }, call)
    const image = await inspect(engine, tag)
    if (image === undefined) throw new Error(`${engine.command} built ${options.folder} and does not have it`)
    return image
  } finally {
    await context.close()
  }
}

interface BuildRun {
  tag: string
  context: BuildContext
  options: ImageBuild
}

async function runBuild(
  engine: ContainerEngine,
  { tag, context, options }: BuildRun,
  call: SharedCall,
): Promise<void> {
  const { dockerfile = 'Dockerfile', target, args = {} } = options
  const secrets = Object.keys(options.secrets ?? {}).map((id, index) => ({
    id,
    variable: `SLUICE_BUILD_SECRET_${index}`,
    value: requireBuildSecret(options, id, call),
  }))
  const { code, stdout, stderr } = await engine.call(
    [
      'build',
      ...['--tag', tag, '--label', LABEL, '--file', join(context.folder, dockerfile)],
      // Podman's own `--pull` fails for an image that only this machine has.
      ...(call.renews ? [engine.command === 'podman' ? '--pull=newer' : '--pull'] : []),
      ...(target === undefined ? [] : ['--target', target]),
      ...Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
      // The value is in the environment of the engine's command: in no argument, file, layer or history.
      ...secrets.flatMap(({ id, variable }) => ['--secret', `id=${id},env=${variable}`]),
      context.folder,
    ],
    {
      ...tellProgress(call, `building ${basename(options.folder)}`),
      env: Object.fromEntries(secrets.map(({ variable, value }) => [variable, value])),
    },
  )
  if (code === 0) return
  const lines = `${stdout}\n${stderr}`.trim().split('\n').slice(-BUILD_LINES).join('\n')
  throw new SluiceError('no_image', `the image of ${options.folder} cannot be built:\n${lines}`)
}

function requireBuildSecret({ folder, secrets = {} }: ImageBuild, id: string, call: ImageCall): string {
  const value = call.buildSecrets[id]
  if (value !== undefined) return value
  throw new SluiceError(
    'unknown_secret',
    `there is no secret ${secrets[id]}, which the build of ${folder} needs`,
    {
      hint: `Set it: sluice secrets set ${secrets[id]}`,
    },
  )
}
