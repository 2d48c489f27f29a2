import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readErrorMessage } from '../../core/errors.ts'
import { type ContainerSpec, makeContainerArguments } from './container-arguments.ts'
import { type ContainerEngine, type Inspected, readLastLine } from './container-engine.ts'
import { ContainerOutput, type OnText } from './container-output.ts'

/** How a container has ended. */
export interface ContainerEnd {
  /** Exit code of its program; undefined if it never started. */
  code: number | undefined
  /** The kernel has ended a process of the container, because its memory was full. */
  isOutOfMemory: boolean
  /** What the engine said if it could not create or start it. */
  error: string
  /** When its program was started, by the clock of the engine. */
  startedAt?: number
}

/** Where Podman's monitor notes that memory ran out; its state does not say so before Podman 4.4. */
const OUT_OF_MEMORY_NOTE = 'oom'
/** Where an engine that can writes the process of the program; the file's time is when the program was started. */
const PID_FILE = 'pid'
/** States before a start, and after the end; Podman has `configured`, `initialized` and others on the way between the two. */
const NOT_STARTED = new Set(['created', 'configured', 'initialized'])
const ENDED = new Set(['exited', 'dead'])
const RETRY_MS = 100
/** An engine that has not answered for so long is left to the next attempt. */
const ANSWER_MS = 10_000
/**
 * How often it is looked whether a call that follows a container has missed its end, or waits for an engine that stands still. Nothing
 * else ends such a call.
 */
const LOOK_MS = 10_000
/** All outputs of a task may be copied meanwhile. */
const COPY_MS = 10 * 60_000
/** The exit code of `run` if not the program, but the engine has failed. */
const ENGINE_FAILED = 125

/** A container from its start to its removal; addressed by its name alone, which another process may take over. */
export class ContainerRun {
  readonly name: string
  readonly #engine: ContainerEngine
  readonly #folder: string
  /** Aborted with an error if the engine does not do what has to be done: the container is left to the next attempt. */
  readonly #letGo = new AbortController()
  #call: ChildProcess | undefined
  #hasEnded = false

  constructor(engine: ContainerEngine, { name, folder }: Pick<ContainerSpec, 'name' | 'folder'>) {
    this.#engine = engine
    this.name = name
    this.#folder = folder
  }

  /**
   * Creates and starts it, passes on what it prints, and resolves when it has ended and all was printed. Rejects if the engine does
   * not answer meanwhile: the container may run then, or not.
   */
  async start(spec: ContainerSpec, onText: OnText): Promise<ContainerEnd> {
    const output = new ContainerOutput(onText)
    const pidFile = this.#engine.writesPidFiles ? this.#pidFile : undefined
    const call = this.#engine.start(['run', ...makeContainerArguments({ ...spec, pidFile })], {
      cwd: spec.folder,
      env: { ...process.env, ...spec.secrets },
    })
    const { code, error } = await this.#follow(call, output)
    const isWhole = code !== null && code !== ENGINE_FAILED && !this.#engine.isRemotePodman
    if (code !== 0 || !isWhole) return this.#waitForEnd({ error, isWhole }, output)
    this.#hasEnded = true
    return { code, isOutOfMemory: false, error }
  }

  /** The same for one that is there already, with all that it has printed so far. */
  async adopt(onText: OnText): Promise<ContainerEnd> {
    const output = new ContainerOutput(onText)
    await this.#followAgain(output)
    return this.#waitForEnd({ error: '', isWhole: false }, output)
  }

  /**
   * Sends a signal to its program, which may not have been created yet. A container that cannot be found by its name is another
   * attempt's by now: this process lets go of it then, as of one whose engine does not answer.
   */
  async kill(signal: 'TERM' | 'KILL'): Promise<void> {
    let problem: unknown
    for (const until = performance.now() + ANSWER_MS; !this.#hasEnded && performance.now() < until; ) {
      try {
        const { code } = await this.#engine.ask(['kill', '--signal', signal, this.name], ANSWER_MS)
        if (code === 0) return
        problem = undefined
      } catch (error) {
        problem = error
      }
      if (!this.#hasEnded) await sleep(RETRY_MS)
    }
    if (this.#hasEnded) return
    if (problem !== undefined) this.#letGo.abort(problem)
    this.#call?.kill('SIGKILL')
  }

  /** Its program was seen to have ended, or never began. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /**
   * When its program was started, by the clock of the engine; undefined if that cannot be known now. Without the file it takes a call
   * of the engine, which may take a fifth of what the container takes.
   */
  async findStart(): Promise<number | undefined> {
    const written = await stat(this.#pidFile).catch(() => undefined)
    if (written !== undefined) return written.mtimeMs
    const [container] = await this.#engine.inspect('container', [this.name]).catch(() => [])
    return parseStart(container?.State)
  }

  /** Copies a folder out of it. */
  async copyOut(from: string, into: string): Promise<void> {
    const { code, stderr } = await this.#engine.ask(['cp', `${this.name}:${from}/.`, into], COPY_MS)
    if (code !== 0) throw new Error(`${from} cannot be copied out of the container: ${readLastLine(stderr)}`)
  }

  /**
   * How it ended, by its state and not by the end of the call that started it: that one ends as well if it is killed, or if the
   * daemon is started anew, and the program runs on. What was printed meanwhile is read then.
   */
  async #waitForEnd(
    { error, isWhole }: { error: string; isWhole: boolean },
    output: ContainerOutput,
  ): Promise<ContainerEnd> {
    for (let hasAll = isWhole; ; hasAll = false) {
      const state = (await this.#inspect())?.State
      const end =
        state === undefined ? { code: undefined, isOutOfMemory: false, error } : this.#readEnd(state, error)
      if (end !== undefined) {
        // A call that followed it may have ended before the program, or before its last line.
        if (!hasAll && end.code !== undefined) await this.#follow(this.#startCall('logs', this.name), output)
        this.#hasEnded = true
        return end
      }
      await this.#followAgain(output)
      await sleep(RETRY_MS)
    }
  }

  get #pidFile(): string {
    return join(this.#folder, PID_FILE)
  }

  /** The end that a state tells; undefined if it goes on. */
  #readEnd(state: Inspected['State'] & object, error: string): ContainerEnd | undefined {
    const { ExitCode, OOMKilled, Status, Error: reason = '' } = state
    const told = reason || error
    if (NOT_STARTED.has(Status)) return { code: undefined, isOutOfMemory: false, error: told }
    if (!ENDED.has(Status)) return undefined
    const isOutOfMemory = ExitCode !== 0 && (OOMKilled || existsSync(join(this.#folder, OUT_OF_MEMORY_NOTE)))
    const startedAt = parseStart(state)
    return { code: ExitCode, isOutOfMemory, error: told, ...(startedAt === undefined ? {} : { startedAt }) }
  }

  /** An engine that is started anew answers soon; its containers may have gone on meanwhile. */
  async #inspect(): Promise<Inspected | undefined> {
    const engine = this.#engine.within(this.#letGo.signal)
    for (const until = performance.now() + ANSWER_MS; ; )
      try {
        const [container] = await engine.inspect('container', [this.name])
        return container
      } catch (error) {
        this.#letGo.signal.throwIfAborted()
        if (performance.now() > until) throw error
        await sleep(RETRY_MS)
      }
  }

  async #followAgain(output: ContainerOutput): Promise<void> {
    await this.#follow(this.#startCall('logs', '--follow', this.name), output)
    await this.#follow(this.#startCall('wait', this.name))
  }

  #startCall(...args: string[]): ChildProcess {
    return this.#engine.start(args, { cwd: this.#folder, env: process.env })
  }

  /** Waits for the end of a call. `output` takes what the program prints; without it the call has none of it. */
  async #follow(
    call: ChildProcess,
    output: ContainerOutput = new ContainerOutput(() => {}),
  ): Promise<{ code: number | null; error: string }> {
    this.#call = call
    output.read(call)
    const hasEnded = new AbortController()
    try {
      const code = await Promise.race([waitForClose(call), this.#watch(hasEnded.signal)])
      return { code, error: output.endCall() }
    } catch (error) {
      if (this.#letGo.signal.aborted || call.pid !== undefined) throw error
      return { code: null, error: readErrorMessage(error) }
    } finally {
      hasEnded.abort()
      call.kill('SIGKILL')
      // What it has started may hold them open.
      call.stdout?.destroy()
      call.stderr?.destroy()
    }
  }

  /** Resolves when the container has ended and a call that follows it does not notice; rejects if it is let go. */
  async #watch(callEnd: AbortSignal): Promise<null> {
    const { signal: letGo } = this.#letGo
    const signal = AbortSignal.any([callEnd, letGo])
    for (let wasEnded = false; ; ) {
      await sleep(LOOK_MS, undefined, { signal }).catch(() => {})
      if (callEnd.aborted) return null
      letGo.throwIfAborted()
      const container = await this.#inspect()
      const hasEnded = ENDED.has(container?.State?.Status ?? '')
      if (hasEnded && wasEnded) return null
      wasEnded = hasEnded
    }
  }
}

/** Before a start, engines tell an instant of long ago. */
function parseStart(state: Inspected['State']): number | undefined {
  const startedAt = Date.parse(state?.StartedAt ?? '')
  return startedAt > 0 ? startedAt : undefined
}

/** The exit code of a call when all that it printed was read. Rejects if it could not be started. */
const waitForClose = (call: ChildProcess): Promise<number | null> =>
  new Promise((resolve, reject) => {
    call.once('error', reject)
    call.once('close', resolve)
  })
