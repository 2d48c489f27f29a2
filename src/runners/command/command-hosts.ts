import type { ChildProcess } from 'node:child_process'
import { availableParallelism } from 'node:os'
import type { OutputStream } from '../attempt-output.ts'
import { startOwnProcess } from '../os/own-process.ts'
import type { CommandEnd, FromHost, HostedCommand, ToHost } from './command-protocol.ts'

/** Starting a process is work of the kernel in the name of its parent: each host may use one core. */
const HOSTS = availableParallelism()

/** A command that a host runs. */
export interface CommandHandle {
  end: Promise<CommandEnd>
  /** For so long from now on the attempt has a lease; then the host kills the command. */
  extendLease(leaseMs: number): void
  signal(signal: 'SIGTERM' | 'SIGKILL'): void
}

/** Takes a piece of a command's output, which may end within a line. */
type TakeOutput = (from: OutputStream, text: string) => void

interface Listener {
  output: TakeOutput
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

  /** Starts a command; its end comes after the last piece of its output. It is `lost` if its host has died, and was not started if that never began. */
  run(command: HostedCommand, output: TakeOutput): CommandHandle {
    const host = this.#leastBusy()
    const id = ++this.#ids
    const { promise, resolve } = Promise.withResolvers<CommandEnd>()
    host.commands.set(id, { output, end: resolve })
    sendToHost(host, { type: 'run', id, command })
    return {
      end: promise,
      extendLease: (leaseMs) => sendToHost(host, { type: 'extendLease', id, leaseMs }),
      signal: (signal) => sendToHost(host, { type: 'signal', id, signal }),
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
    const child = startOwnProcess('command-host', import.meta.url)
    const host: Host = { process: child, isReady: false, commands: new Map() }
    this.#hosts.add(host)
    child.on('message', (message: FromHost) => handleHostMessage(host, message))
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

function handleHostMessage(host: Host, message: FromHost): void {
  if (message.type === 'ready') {
    host.isReady = true
    return
  }
  const command = host.commands.get(message.id)
  if (message.type === 'output') command?.output(message.from, message.text)
  else if (host.commands.delete(message.id)) command?.end(message.end)
}

function sendToHost({ process }: Host, message: ToHost): void {
  if (process.connected) process.send(message, () => {})
}
