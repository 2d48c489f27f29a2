import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SluiceError } from '../../core/errors.ts'
import { describeProgram, getContainerProgram } from '../../core/program.ts'
import type { Progress } from '../../core/records/task-run.ts'
import { makeContainerArguments } from './container-arguments.ts'
import { type ContainerEngine, findContainerEngine, readLastLine } from './container-engine.ts'
import { ContainerFiles } from './container-files.ts'
import { ContainerImages } from './container-image.ts'
import {
  hashState,
  isKeptContainer,
  type LabelledContainer,
  listContainers,
  makeShellLabels,
} from './container-labels.ts'
import { removeContainer, removeFolder } from './container-leftovers.ts'
import { type ContainerJob, makeContainerSpec, type PreparedContainer } from './container-spec.ts'

/*
 * A shell for a person, in a container as the program of a task has it. A container that runs the task now is entered; of one that
 * was kept, a copy is made with the files that the program has left; else a fresh one is started.
 *
 * 1. The container of a shell is no attempt's. Nothing of it is published, and no attempt adopts or removes it.
 * 2. It ends with the shell, or is removed by the next command that works if this process is killed.
 * 3. The copy of a kept container is an image for the time of the shell. Its configuration holds no value of a secret.
 */

/** Whose container is opened, and what it is given. */
export interface ShellRequest {
  /** Path of the state folder. */
  state: string
  /** The attempt that the shell stands for; its nonce is of the shell alone. */
  job: ContainerJob
  prepared: PreparedContainer
  /** Digest of the image in which the task has run, if it has. */
  image: string | undefined
  /** Inputs that are in no file and not there yet, by what people call them. */
  missing: readonly string[]
  /** Id of this process. */
  owner: string
  /** Says where the shell is, before it opens. */
  say(lines: string[]): void
}

/** Which container a shell was in. */
export type ShellPlace = 'running' | 'kept' | 'fresh'

/** How a shell has ended; `exitCode` is the shell's own, null if it was killed. */
export interface ShellEnd {
  place: ShellPlace
  exitCode: number | null
}

/** Opens a shell on the terminal of this process, and waits for its end. Throws what is missing, before anything starts. */
export async function openShell(request: ShellRequest): Promise<ShellEnd> {
  const engine = await findContainerEngine()
  const { run, task } = request.job
  const all = await listContainers(engine, hashState(request.state), task.id)
  const own = all.filter((each) => each.run === run && each.number === task.number)
  const running = own.find(({ status }) => status === 'running')
  if (running !== undefined) return enterRunning(engine, running, request)
  const kept = own.find(isKeptContainer)
  return kept === undefined ? openFresh(engine, request) : openKept(engine, kept, request)
}

async function enterRunning(
  engine: ContainerEngine,
  { name }: LabelledContainer,
  { job, say }: ShellRequest,
): Promise<ShellEnd> {
  const shell = await findShell(engine, ['exec', name, 'sh'], job.task.label)
  say([`A shell in the container that runs ${job.task.label} now. It ends with the task.`])
  return {
    place: 'running',
    exitCode: await engine.callOnTerminal(['exec', ...terminalFlags(), name, shell]),
  }
}

/** A container that has ended can run nothing any more, so the shell is in a container of a copy of it, with its files. */
async function openKept(
  engine: ContainerEngine,
  { name, folder, attempt }: LabelledContainer,
  request: ShellRequest,
): Promise<ShellEnd> {
  const { job, prepared, state, owner } = request
  const files = new ContainerFiles(getContainerProgram(job.task), job.nonce, folder)
  if (!existsSync(files.events)) return openFresh(engine, request)
  const copy = `localhost/sluice-shell:${job.nonce}`
  // The values of its environment would be in the copy.
  const labels = makeShellLabels(hashState(state), { owner, folder: '' })
  const changes = [
    ...Object.keys(prepared.secrets).map((secret) => `ENV ${secret}=`),
    ...Object.entries(labels).map(([label, value]) => `LABEL ${label}=${JSON.stringify(value)}`),
  ].flatMap((change) => ['--change', change])
  const { code, stderr } = await engine.call(['commit', ...changes, name, copy])
  if (code !== 0) throw new Error(`the container ${name} cannot be copied: ${readLastLine(stderr)}`)
  try {
    const where = `A shell in what attempt ${attempt} of ${job.task.label} has left, with its files in /sluice/out.`
    const kept = { ...request, job: { ...job, attempt } }
    return {
      place: 'kept',
      exitCode: await openContainer(engine, kept, { image: copy, files, where, isKept: true }),
    }
  } finally {
    await engine.ask(['rmi', '--force', copy])
  }
}

async function openFresh(engine: ContainerEngine, request: ShellRequest): Promise<ShellEnd> {
  const { job, prepared, missing } = request
  const image = await findImage(engine, request)
  const files = new ContainerFiles(
    getContainerProgram(job.task),
    job.nonce,
    join(tmpdir(), `sluice-shell-${job.nonce}`),
  )
  const absent = [...missing, ...files.findMissingInputs().filter((path) => !path.startsWith(files.folder))]
  if (absent.length > 0)
    throw new SluiceError(
      'invalid_usage',
      `Inputs of ${job.task.label} are not there yet: ${absent.join(', ')}.`,
      {
        hint: `Its upstreams have to run first: sluice status ${job.run} shows how they stand.`,
      },
    )
  files.make({ params: job.task.params, checkpoint: job.checkpoint, results: prepared.results })
  const where = `A shell in a fresh container of ${job.task.label}. /sluice/out is empty, and nothing of it is published.`
  return { place: 'fresh', exitCode: await openContainer(engine, request, { image, files, where }) }
}

interface Opened {
  image: string
  files: ContainerFiles
  where: string
  /** Its files belong to the kept container. */
  isKept?: true
}

async function openContainer(
  engine: ContainerEngine,
  { state, job, prepared, owner, say }: ShellRequest,
  { image, files, where, isKept }: Opened,
): Promise<number | null> {
  const name = `sluice-shell-${job.nonce}`
  const ownFolder = isKept ? '' : files.folder
  const stop = () => void removeContainer(engine, name).catch(() => {})
  for (const signal of SIGNALS) process.on(signal, stop)
  // Ctrl-C is the shell's.
  process.on('SIGINT', ignore)
  try {
    const shell = await findShell(
      engine,
      ['run', '--rm', '--pull', 'never', '--entrypoint', 'sh', image],
      job.task.label,
    )
    say([where, ...describeProgram(getContainerProgram(job.task).argv)])
    const spec = makeContainerSpec(job, image, prepared)
    const own = makeContainerArguments({
      ...spec,
      name,
      argv: [],
      // The shell is started in its place.
      entryPoint: undefined,
      mounts: files.listMounts(),
      labels: makeShellLabels(hashState(state), { owner, folder: ownFolder }),
    })
    const args = ['run', '--rm', ...terminalFlags(), '--entrypoint', shell, ...own]
    return await engine.callOnTerminal(args, { ...process.env, ...spec.secrets })
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop)
    process.off('SIGINT', ignore)
    await removeContainer(engine, name).catch(() => {})
    removeFolder(ownFolder)
  }
}

const SIGNALS = ['SIGTERM', 'SIGHUP'] as const
const ignore = () => {}

/** Without a terminal, as in a pipe, its commands come from standard input. */
const terminalFlags = () => (process.stdin.isTTY && process.stdout.isTTY ? ['-i', '-t'] : ['-i'])

/** The path of the best shell of an image; throws if it has none. `call` is what runs `sh`. */
async function findShell(engine: ContainerEngine, call: readonly string[], label: string): Promise<string> {
  const { code, stdout, stderr } = await engine.ask([...call, '-c', 'command -v bash || command -v sh'])
  if (code === 0) return stdout.trim()
  const why = /executable file not found|no such file/i.test(stderr) ? 'it has none' : readLastLine(stderr)
  throw new SluiceError('no_image', `No shell can be started in the image of ${label}: ${why}.`, {
    hint: 'Images without a shell, such as distroless ones, often have a variant with one (`debug`); or give build(…) a target with a shell.',
  })
}

/** The image in which the task has run, or the one in which it would. */
async function findImage(
  engine: ContainerEngine,
  { job, image, prepared, say }: ShellRequest,
): Promise<string> {
  const images = new ContainerImages()
  const { buildSecrets = {} } = prepared
  const call = { onProgress: makeProgressLines(say), buildSecrets }
  if (image === undefined) return (await images.get(engine, getContainerProgram(job.task).image, call)).id
  const [there] = await engine.inspect('image', [image])
  if (there !== undefined) return there.Id
  const isOfRegistry = image.includes('@') && !image.startsWith('localhost/')
  if (isOfRegistry) return (await images.get(engine, { reference: image }, call)).id
  throw new SluiceError('no_image', `The image in which ${job.task.label} has run is gone: ${image}.`, {
    hint: `Run the task again, which makes its image anew: sluice retry ${job.run}. A shell can be opened then.`,
  })
}

/** Says what is pulled or built once, and not each step of it. */
function makeProgressLines(say: ShellRequest['say']): (progress: Progress) => void {
  let hasSaid = false
  return ({ text }) => {
    if (!hasSaid) say([`${text} …`])
    hasSaid = true
  }
}
