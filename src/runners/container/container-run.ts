import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ContainerEngine, type Inspected, readLastLine } from './container-engine.ts'
import type { Mount } from './container-files.ts'

/** What a container is made of. */
export interface ContainerSpec {
  name: string
  /** Id of an image that is on this machine. */
  image: string
  argv: readonly string[]
  /** @default that of the image */
  entryPoint?: string | undefined
  env: { readonly [name: string]: string }
  /** Environment variables whose values must not be seen among the arguments of a process. */
  secrets: { readonly [name: string]: string }
  labels: { readonly [name: string]: string }
  mounts: readonly Mount[]
  memoryMb: number | undefined
  /** In units of 1/1024 of a core. */
  cpu: number | undefined
  /** Folder in which the engine is called: Podman's monitor notes there that memory ran out. */
  folder: string
}

/** Takes what a program prints. */
export type OnText = (from: 'stdout' | 'stderr', text: string) => void

/** How a container has ended. */
export interface ContainerEnd {
  /** Exit code of its program; undefined if it never started. */
  code: number | undefined
  /** The kernel has ended a process of the container, because its memory was full. */
  isOutOfMemory: boolean
  /** What the engine said if it could not create or start it. */
  error: string
}

/** Where Podman's monitor notes that memory ran out; its state does not say so before Podman 4.4. */
const OUT_OF_MEMORY_NOTE = 'oom'
/** States before a start, and after the end; Podman has `configured`, `initialized` and others on the way between the two. */
const NOT_STARTED = new Set(['created', 'configured', 'initialized'])
const ENDED = new Set(['exited', 'dead'])
const RETRY_MS = 100
/** Ten seconds: an engine under load takes a few to create a container. */
const MAX_TRIES = 100
/** An engine that has not answered for so long is left to the next attempt. */
const ANSWER_MS = 10_000

/** A container from its start to its removal; addressed by its name alone, which another process may take over. */
export class ContainerRun {
  readonly name: string
  readonly #engine: ContainerEngine
  readonly #folder: string
  #call: ChildProcess | undefined
  #hasEnded = false

  constructor(engine: ContainerEngine, { name, folder }: Pick<ContainerSpec, 'name' | 'folder'>) {
    this.#engine = engine
    this.name = name
    this.#folder = folder
  }

  /** Creates and starts it, passes on what it prints, and resolves when it has ended and all was printed. */
  async start(spec: ContainerSpec, onText: OnText): Promise<ContainerEnd> {
    const call = this.#engine.start(['run', ...makeContainerArguments(spec)], {
      cwd: spec.folder,
      env: { ...process.env, ...spec.secrets },
    })
    const { code, error } = await this.#follow(call, onText)
    const end = code === 0 ? { code, isOutOfMemory: false, error } : await this.#waitForEnd(error, onText)
    this.#hasEnded = true
    return end
  }

  /** The same for one that is there already, with all that it has printed so far. */
  async adopt(onText: OnText): Promise<ContainerEnd> {
    await this.#followAgain(onText)
    const end = await this.#waitForEnd('', onText)
    this.#hasEnded = true
    return end
  }

  /**
   * Sends a signal to its program, which may not have been created yet. A container that cannot be found by its name is another
   * attempt's by now: this process lets go of it then.
   */
  async kill(signal: 'TERM' | 'KILL'): Promise<void> {
    for (let tries = 0; !this.#hasEnded && tries < MAX_TRIES; tries++) {
      const { code } = await this.#engine.call(['kill', '--signal', signal, this.name])
      if (code === 0 || this.#hasEnded) return
      await sleep(RETRY_MS)
    }
    if (!this.#hasEnded) this.#call?.kill('SIGKILL')
  }

  /** Copies a folder out of it. */
  async copyOut(from: string, into: string): Promise<void> {
    const { code, stderr } = await this.#engine.call(['cp', `${this.name}:${from}/.`, into])
    if (code !== 0) throw new Error(`${from} cannot be copied out of the container: ${readLastLine(stderr)}`)
  }

  /**
   * How it ended, by its state and not by the end of the call that started it: that one ends as well if it is killed, or if the
   * daemon is started anew, and the program runs on. What it has printed then comes once more, from the beginning.
   */
  async #waitForEnd(error: string, onText: OnText): Promise<ContainerEnd> {
    for (;;) {
      const [container] = await this.#inspect()
      if (container?.State === undefined) return { code: undefined, isOutOfMemory: false, error }
      const { ExitCode, OOMKilled, Status, Error: reason = '' } = container.State
      if (NOT_STARTED.has(Status)) return { code: undefined, isOutOfMemory: false, error: reason || error }
      const isOutOfMemory = OOMKilled || existsSync(join(this.#folder, OUT_OF_MEMORY_NOTE))
      if (ENDED.has(Status)) return { code: ExitCode, isOutOfMemory, error: reason || error }
      await this.#followAgain(onText)
      await sleep(RETRY_MS)
    }
  }

  /** An engine that is started anew answers soon; its containers may have gone on meanwhile. */
  async #inspect(): Promise<Inspected[]> {
    for (const until = performance.now() + ANSWER_MS; ; )
      try {
        return await this.#engine.inspect('container', [this.name])
      } catch (error) {
        if (performance.now() > until) throw error
        await sleep(RETRY_MS)
      }
  }

  async #followAgain(onText: OnText): Promise<void> {
    const call = (...args: string[]) => this.#engine.start(args, { cwd: this.#folder, env: process.env })
    await this.#follow(call('logs', '--follow', this.name), onText)
    await this.#follow(call('wait', this.name), () => {})
  }

  /** Waits for the end of a call whose output is the program's. */
  async #follow(call: ChildProcess, onText: OnText): Promise<{ code: number | null; error: string }> {
    let stderr = ''
    this.#call = call
    call.stdout?.setEncoding('utf8').on('data', (text: string) => onText('stdout', text))
    call.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = `${stderr}${text}`.slice(-1000)
      onText('stderr', text)
    })
    const code = await new Promise<number | null | Error>((resolve) => {
      call.once('error', resolve)
      call.once('close', resolve)
    })
    if (code instanceof Error) return { code: null, error: code.message }
    return { code, error: readLastLine(stderr) }
  }
}

/** The arguments of `run` for a container, from its name to the arguments of its program. */
export function makeContainerArguments({
  name,
  image,
  argv,
  entryPoint,
  env,
  secrets,
  labels,
  mounts,
  memoryMb,
  cpu,
}: Omit<ContainerSpec, 'folder'>): string[] {
  return [
    ...['--name', name, '--pull', 'never'],
    ...Object.entries(labels).flatMap(([label, value]) => ['--label', `${label}=${value}`]),
    ...Object.entries(env).flatMap(([variable, value]) => ['--env', `${variable}=${value}`]),
    // Without a value the engine takes it from its own environment.
    ...Object.keys(secrets).flatMap((variable) => ['--env', variable]),
    ...mounts.flatMap((mount) => ['--mount', formatMount(mount)]),
    // Without swap, so that memory that runs out is told and not only slow.
    ...(memoryMb === undefined ? [] : ['--memory', `${memoryMb}m`, '--memory-swap', `${memoryMb}m`]),
    ...(cpu === undefined ? [] : ['--cpus', String(cpu / 1024)]),
    ...(entryPoint === undefined ? [] : ['--entrypoint', entryPoint]),
    image,
    ...argv,
  ]
}

/** Fields of a mount are CSV, so that a comma or a quote in a path needs quotes. */
const formatMount = ({ source, target, isReadOnly }: Mount): string =>
  ['type=bind', `source=${source}`, `target=${target}`, ...(isReadOnly ? ['readonly'] : [])]
    .map((field) => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field))
    .join(',')
