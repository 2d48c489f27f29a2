import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import type { OutputStream } from '../attempt-output.ts'
import { killProcessGroup } from '../os/kill-group.ts'
import type { CommandEnd, FromHost, HostedCommand, ToHost } from './command-protocol.ts'
import { killEscapedProcesses, killLeftovers } from './leftovers.ts'
import { sampleMemory } from './memory-sampler.ts'
import { isScarcityError } from './scarcity.ts'

/*
 * A process that runs commands for the engine: starting one copies the memory map of the process that starts it, which takes
 * ten times as long in a large process as in this one. It ends with its engine, and all commands with it. A command whose lease
 * is not extended, also because the engine is frozen, is killed at the end of the lease.
 *
 * A command ends with its own exit: what it has left running is killed then, also if that holds its output.
 */

/** So long the output is read after the exit, if a process that could not be killed holds it. */
const DRAIN_MS = 2_000

// Copied once: each look at the real one asks the system. The cache of compiled code is for this process alone.
const { NODE_COMPILE_CACHE: _, ...environment } = process.env

/** Resolves when the message has left this process, so that what the engine has not read does not pile up here. */
const sendToEngine = (message: FromHost) =>
  new Promise<void>((resolve) => {
    if (process.connected) process.send?.(message, undefined, undefined, () => resolve())
    else resolve()
  })
const commands = new Map<number, Command>()

process.on('message', (message: ToHost) => {
  switch (message.type) {
    case 'run':
      runHostedCommand(message.id, message.command)
      break
    case 'extendLease':
      commands.get(message.id)?.extendLease(message.leaseMs)
      break
    case 'signal':
      commands.get(message.id)?.signal(message.signal)
  }
})

process.on('disconnect', () => {
  for (const command of commands.values()) command.abandon()
  process.exit()
})

void sendToEngine({ type: 'ready' })

/** Node throws what it cannot pass on to the kernel, such as arguments that are too long. */
function runHostedCommand(id: number, command: HostedCommand): void {
  try {
    if (Number(command.env.SLUICE_ATTEMPT) > 1) killLeftovers(command.env)
    commands.set(id, new Command(id, command))
  } catch (error) {
    void sendToEngine({ type: 'end', id, end: makeNotStartedEnd(error as Error) })
  }
}

const makeNotStartedEnd = (error: Error): CommandEnd => ({
  code: null,
  signal: null,
  error: error.message,
  ...(isScarcityError(error) && { isScarcity: true }),
})

/** One command on its way. */
class Command {
  readonly #id: number
  readonly #env: HostedCommand['env']
  readonly #process: ChildProcess
  readonly #startedAt = performance.now()
  readonly #memory: ReturnType<typeof sampleMemory>
  #lease: NodeJS.Timeout
  #drain: NodeJS.Timeout | undefined
  #reason: CommandEnd['reason']
  #isAskedToStop = false
  #hasExited = false
  #isAllKilled = false
  /** Pieces of its output that have not left this process yet. */
  #onTheWay = 0

  constructor(id: number, { argv, folder, env, leaseMs, memoryMb = Infinity }: HostedCommand) {
    const [program = '', ...args] = argv
    this.#id = id
    this.#env = env
    this.#process = spawn(program, args, {
      cwd: folder,
      env: { ...environment, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: Ctrl-C reaches only the engine, and a kill reaches what the command has started.
      detached: true,
    })
    this.#memory = sampleMemory(this.#process.pid, (bytes) => {
      if (bytes > memoryMb * 1024 * 1024) this.#kill('out_of_memory')
    })
    this.#lease = setTimeout(() => this.#kill('lost'), leaseMs)
    this.#process.on('error', (error) => this.#end(makeNotStartedEnd(error)))
    this.#process.on('exit', () => this.#exited())
    this.#process.on('close', (code, signal) => this.#end({ code, signal }))
    this.#forward('stdout')
    this.#forward('stderr')
  }

  extendLease(leaseMs: number): void {
    clearTimeout(this.#lease)
    this.#lease = setTimeout(() => this.#kill('lost'), leaseMs)
  }

  signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (signal === 'SIGKILL') this.#killAll()
    else {
      this.#isAskedToStop = true
      killProcessGroup(this.#process.pid, signal)
    }
  }

  /** Kills it with all that it has started, before this process ends. */
  abandon(): void {
    this.#hasExited = true
    this.#killAll()
  }

  #kill(reason: CommandEnd['reason']): void {
    this.#reason ??= reason
    this.#killAll()
  }

  /** What was asked to stop may do so in its time, also after the program that has started it. */
  #exited(): void {
    this.#hasExited = true
    if (!this.#isAskedToStop || !killProcessGroup(this.#process.pid, 0)) this.#killAll()
  }

  #killAll(): void {
    const { pid } = this.#process
    killProcessGroup(pid)
    if (!this.#hasExited || this.#isAllKilled || pid === undefined) return
    this.#isAllKilled = true
    try {
      killEscapedProcesses(this.#env, pid, performance.now() - this.#startedAt)
    } catch {
      // No file descriptor was left to look for them; the next attempt kills them.
    }
    this.#drain = setTimeout(() => this.#closeOutput(), DRAIN_MS)
  }

  #closeOutput(): void {
    if (this.#onTheWay > 0) {
      this.#drain = setTimeout(() => this.#closeOutput(), DRAIN_MS)
      return
    }
    this.#process.stdout?.destroy()
    this.#process.stderr?.destroy()
  }

  /** Reads the next piece when this one has left the process: so the command is never faster than the engine. */
  #forward(from: OutputStream): void {
    const stream = this.#process[from] as Readable | undefined
    // Without a file descriptor for it there is no stream.
    stream?.setEncoding('utf8').on('data', async (text: string) => {
      stream.pause()
      this.#onTheWay++
      await sendToEngine({ type: 'output', id: this.#id, from, text })
      this.#onTheWay--
      stream.resume()
    })
  }

  #end(told: Pick<CommandEnd, 'code' | 'signal' | 'error'>): void {
    clearTimeout(this.#lease)
    clearTimeout(this.#drain)
    this.#memory.stop()
    if (!commands.delete(this.#id)) return
    this.#killAll()
    clearTimeout(this.#drain)
    const peakMemoryBytes = this.#memory.peakBytes()
    const peak = peakMemoryBytes === undefined ? {} : { peakMemoryBytes }
    void sendToEngine({
      type: 'end',
      id: this.#id,
      end: { ...told, ...(this.#reason && { reason: this.#reason }), ...peak },
    })
  }
}
