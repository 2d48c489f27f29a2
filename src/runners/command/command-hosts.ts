import type { ChildProcess } from 'node:child_process'
import { availableParallelism } from 'node:os'
import type { UncutLine } from '../../core/mask.ts'
import { LineSplitter } from '../lines.ts'
import { startOwn } from '../os/own-process.ts'
import type { CommandEnd, FromHost, HostedCommand, OutputStream, ToHost } from './command-protocol.ts'

/** Starting a process is work of the kernel in the name of its parent: each host may use one core. */
const HOSTS = availableParallelism()

/** A command that a host runs. */
export interface Hosted {
  end: Promise<CommandEnd>
  /** For so long from now on the attempt has a lease; then the host kills the command. */
  beat(leaseMs: number): void
  signal(signal: 'SIGTERM' | 'SIGKILL'): void
}

/** Told of the lines of a command's output. */
type TakeLines = (from: OutputStream, lines: UncutLine[]) => void

interface Listener {
  output(from: OutputStream, text: string): void
  end(end: CommandEnd): void
}

interface Host {
  process: ChildProcess
  /** It has started well. */
  isReady: boolean
  commands: Map<number, Listener>
}

/** Processes that run commands; they start when they are needed, and end with this one. */
export class CommandHosts {
  readonly #hosts = new Set<Host>()
  #ids = 0

  /** Starts a command; its end comes after its last line. It is `lost` where its host has died, and was not started where that never began. */
  run(command: HostedCommand, take: TakeLines): Hosted {
    const host = this.#leastBusy()
    const id = ++this.#ids
    const { promise, resolve } = Promise.withResolvers<CommandEnd>()
    host.commands.set(id, listener(take, resolve))
    send(host, { type: 'run', id, command })
    return {
      end: promise,
      beat: (leaseMs) => send(host, { type: 'beat', id, leaseMs }),
      signal: (signal) => send(host, { type: 'signal', id, signal }),
    }
  }

  /** Ends all hosts and what they run. */
  close(): void {
    for (const host of this.#hosts) if (host.process.connected) host.process.disconnect()
    this.#hosts.clear()
  }

  #leastBusy(): Host {
    const load = (host: Host) => host.commands.size
    const least = [...this.#hosts].sort((a, b) => load(a) - load(b))[0]
    if (least !== undefined && (load(least) === 0 || this.#hosts.size >= HOSTS)) return least
    return this.#start()
  }

  #start(): Host {
    const child = startOwn('command-host', import.meta.url)
    const host: Host = { process: child, isReady: false, commands: new Map() }
    this.#hosts.add(host)
    child.on('message', (message: FromHost) => hear(host, message))
    child.on('error', (error) => this.#lose(host, error.message))
    child.on('exit', () => this.#lose(host))
    return host
  }

  #lose(host: Host, error?: string): void {
    this.#hosts.delete(host)
    const ended = { code: null, signal: null }
    const end: CommandEnd = host.isReady
      ? { ...ended, reason: 'lost' }
      : { ...ended, error: error ?? 'the process that starts commands ended at once', isScarcity: true }
    for (const command of host.commands.values()) command.end(end)
    host.commands.clear()
  }
}

/** Makes lines of pieces; the last one may have no end. */
function listener(take: TakeLines, onEnd: (end: CommandEnd) => void): Listener {
  const splitters = { stdout: new LineSplitter(), stderr: new LineSplitter() }
  const give = (from: OutputStream, lines: UncutLine[]) => {
    if (lines.length > 0) take(from, lines)
  }
  return {
    output: (from, text) => give(from, splitters[from].push(text)),
    end(end) {
      for (const from of ['stdout', 'stderr'] as const) give(from, splitters[from].end())
      onEnd(end)
    },
  }
}

function hear(host: Host, message: FromHost): void {
  if (message.type === 'ready') {
    host.isReady = true
    return
  }
  const command = host.commands.get(message.id)
  if (message.type === 'output') command?.output(message.from, message.text)
  else if (host.commands.delete(message.id)) command?.end(message.end)
}

function send({ process }: Host, message: ToHost): void {
  if (process.connected) process.send(message, () => {})
}
