import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { z } from 'zod'
import { readErrorMessage, SluiceError } from '../../core/errors.ts'

/*
 * Docker or Podman by its own command, so that its credential helpers, contexts and rootless mode are used as the user has set
 * them up.
 */

/** What a call of the container engine has come to. */
export interface EngineAnswer {
  /** Exit code; null if it was killed. */
  code: number | null
  stdout: string
  stderr: string
}

/** How the container engine is called. */
export interface EngineCall {
  /** Ends the call. */
  signal?: AbortSignal
  /** Environment variables beside those of this process. */
  env?: { readonly [name: string]: string }
  /** Takes the lines that are printed while it runs. */
  onText?(from: 'stdout' | 'stderr', text: string): void
}

/** What an engine is known to be or to do. */
export type EngineAbilities = Partial<Pick<ContainerEngine, 'isRemotePodman' | 'writesPidFiles'>>

/** Commands that are tried, in this order; the first whose engine answers is used. */
const COMMANDS = ['docker', 'podman']
/** What a call prints at most; a list of all containers is far below. */
const MAX_BUFFER = 64 * 1024 * 1024
/** An engine that has not answered by then does not work. */
const FIND_MS = 20_000

/** What is asked or ordered in a moment, also of an engine under load. */
const ANSWER_MS = 60_000

/** What the commands say when their daemon or service is away, or went away while they were served. */
const NO_ANSWER =
  /cannot connect|unable to connect|error during connect|connection re(fused|set)|broken pipe|\bEOF$|is the docker daemon running/im
/** What they say of a name that nothing has. */
const NOT_THERE = /no such (object|container|image)|image not known/i

/** The engine that runs containers on this machine. */
export class ContainerEngine {
  /** `docker` or `podman`. */
  readonly command: string
  /** A client of Podman's service: its `run` ends as the program does though lines were lost, if the service was away meanwhile. */
  readonly isRemotePodman: boolean
  /** Its `run` has `--pidfile`: a file that is written when the program starts. */
  readonly writesPidFiles: boolean
  readonly #abilities: EngineAbilities
  readonly #until: AbortSignal | undefined

  constructor(command: string, abilities: EngineAbilities = {}, until?: AbortSignal) {
    const { isRemotePodman = false, writesPidFiles = false } = abilities
    this.command = command
    this.isRemotePodman = isRemotePodman
    this.writesPidFiles = writesPidFiles
    this.#abilities = abilities
    this.#until = until
  }

  /** The same engine, of which nothing is asked any more when a signal says so: what waits for an answer then rejects. */
  within(until: AbortSignal): ContainerEngine {
    return new ContainerEngine(this.command, this.#abilities, until)
  }

  /** Calls it and waits for its end; rejects only if it cannot be started or was ended by the signal. */
  async call(args: readonly string[], { signal, env, onText }: EngineCall = {}): Promise<EngineAnswer> {
    return new Promise((resolve, reject) => {
      const child = execFile(
        this.command,
        args,
        {
          maxBuffer: MAX_BUFFER,
          ...(env === undefined ? {} : { env: { ...process.env, ...env } }),
          ...(signal === undefined ? {} : { signal }),
        },
        (error, stdout, stderr) => {
          const code = error === null ? 0 : error.code
          if (typeof code === 'number' || error?.signal != null)
            resolve({ code: child.exitCode, stdout, stderr })
          else reject(error)
        },
      )
      child.stdout?.on('data', (text: string) => onText?.('stdout', text))
      child.stderr?.on('data', (text: string) => onText?.('stderr', text))
    })
  }

  /**
   * A call that any working engine answers soon. Throws if there is no answer in time, or if the engine is away: then nothing is known
   * of what was asked, and of an order not whether it was carried out.
   */
  async ask(args: readonly string[], limitMs = ANSWER_MS): Promise<EngineAnswer> {
    const limit = AbortSignal.timeout(limitMs)
    const signal = this.#until === undefined ? limit : AbortSignal.any([limit, this.#until])
    let answer: EngineAnswer
    try {
      answer = await this.call(args, { signal })
    } catch (error) {
      if (!limit.aborted) throw error
      throw this.#awayError(`no answer within ${limitMs / 1000} s`)
    }
    if (answer.code !== 0 && NO_ANSWER.test(answer.stderr)) throw this.#awayError(readLastLine(answer.stderr))
    return answer
  }

  /** The same for an order to something by its name; false if nothing has this name. Throws what else was wrong. */
  async order(args: readonly string[]): Promise<boolean> {
    const { code, stderr } = await this.ask(args)
    if (code !== 0 && !NOT_THERE.test(stderr))
      throw new Error(`${this.command} ${args[0]} has failed: ${readLastLine(stderr)}`)
    return code === 0
  }

  /** Images or containers by name or id, without those that are not there. Throws if it cannot be known. */
  async inspect(type: 'image' | 'container', names: readonly string[]): Promise<Inspected[]> {
    const { code, stdout, stderr } = await this.ask(['inspect', '--type', type, ...names])
    if (code !== 0 && !NOT_THERE.test(stderr))
      throw new Error(`${this.command} cannot look at the ${type}: ${readLastLine(stderr)}`)
    return stdout.trim() === '' ? [] : INSPECTED.parse(JSON.parse(stdout))
  }

  #awayError(why: string): Error {
    const { command } = this
    return new Error(
      `${command} does not answer (${why}). Start it again, so that \`${command} ps\` works; the next attempt goes on with the container if it still runs.`,
    )
  }

  /** A call on the terminal of this process; resolves with its exit code, null if it was killed. */
  async callOnTerminal(
    args: readonly string[],
    env: NodeJS.ProcessEnv = process.env,
  ): Promise<number | null> {
    const child = spawn(this.command, args, { env, stdio: 'inherit' })
    return new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
    })
  }

  /** Starts a call whose output is read as it comes. Ctrl-C in the terminal does not reach it: the attempt decides what ends. */
  start(args: readonly string[], options: { cwd: string; env: NodeJS.ProcessEnv }): ChildProcess {
    return spawn(this.command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  }
}

/** What `inspect` prints of an image or a container, as far as both engines agree. */
const INSPECTED = z.array(
  z.object({
    Id: z.string(),
    Name: z.string().optional(),
    RepoDigests: z.array(z.string()).nullish(),
    State: z
      .object({
        Status: z.string(),
        ExitCode: z.number(),
        OOMKilled: z.boolean(),
        StartedAt: z.string().optional(),
        Error: z.string().optional(),
      })
      .optional(),
    Config: z.object({ Labels: z.record(z.string(), z.string()).nullish() }).optional(),
  }),
)

/** An image or a container as `inspect` shows it. */
export type Inspected = z.output<typeof INSPECTED>[number]

let found: Promise<ContainerEngine> | undefined

/** The engine that answers on this machine; looked for until one is found. Throws what to install if none answers. */
export async function findContainerEngine(): Promise<ContainerEngine> {
  found ??= findAnswering()
  try {
    return await found
  } catch (error) {
    found = undefined
    throw error
  }
}

async function findAnswering(): Promise<ContainerEngine> {
  const reasons: string[] = []
  for (const command of COMMANDS) {
    const answer = await askInfo(command)
    if (typeof answer !== 'string') return new ContainerEngine(command, readAbilities(answer))
    reasons.push(`${command}: ${answer}`)
  }
  throw new SluiceError(
    'no_container_engine',
    `No container engine answers on this machine.\n- ${reasons.join('\n- ')}`,
    {
      hint: 'Install Docker or Podman, or start its daemon; `docker ps` or `podman ps` must work for this user. `sluice doctor` looks again.',
    },
  )
}

/** What is needed of what `info` prints; Docker's has neither. */
const INFO = z.object({
  host: z.object({ serviceIsRemote: z.boolean().optional() }).optional(),
  version: z.object({ Version: z.string().optional() }).optional(),
})

/** The first Podman of which it is certain that its `run` has `--pidfile`; clients of its service have not (podman-run(1)). */
const PID_FILES_SINCE = 4

function readAbilities({ host, version }: z.output<typeof INFO>): EngineAbilities {
  const isRemotePodman = host?.serviceIsRemote === true
  const major = Number.parseInt(version?.Version ?? '', 10)
  return { isRemotePodman, writesPidFiles: !isRemotePodman && major >= PID_FILES_SINCE }
}

/** What an engine says of itself, or why its command cannot be used. */
async function askInfo(command: string): Promise<z.output<typeof INFO> | string> {
  // Docker's client is often there without its daemon. Its `info` and `version` can end with 0 then; a list cannot.
  const signal = AbortSignal.timeout(FIND_MS)
  try {
    const call = new ContainerEngine(command).call(['info', '--format', '{{json .}}'], { signal })
    const { code, stdout, stderr } = await call
    return code === 0 ? INFO.parse(JSON.parse(stdout)) : readLastLine(stderr)
  } catch (error) {
    return signal.aborted ? `no answer within ${FIND_MS / 1000} s` : readStartProblem(error)
  }
}

const readStartProblem = (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'
    ? 'not installed'
    : readErrorMessage(error)

/** The last line that an engine has printed, which is its error. */
export const readLastLine = (text: string): string => text.trim().split('\n').at(-1) ?? ''
