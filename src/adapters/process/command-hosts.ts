import type { ChildProcess } from 'node:child_process'
import { availableParallelism } from 'node:os'
import type { LogLine } from '../../core/ports.ts'
import type { CommandEnd, FromHost, HostedCommand, ToHost } from './command-protocol.ts'
import { startOwn } from './own-process.ts'

/** Starting a process is work of the kernel in the name of its parent: each host may use one core. */
const HOSTS = availableParallelism()

/** A command that a host runs. */
export interface Hosted {
  end: Promise<CommandEnd>
  /** For so long from now on the attempt has a lease; then the host kills the command. */
  beat(leaseMs: number): void
  signal(signal: 'SIGTERM' | 'SIGKILL'): void
}

interface Host {
  process: ChildProcess
  commands: Map<number, { onLines(lines: LogLine[]): void; end(end: CommandEnd): void }>
}

/** Processes that run commands; they start when they are needed, and end with this one. */
export class CommandHosts {
  readonly #hosts = new Set<Host>()
  #ids = 0

  /** Starts a command; its end comes after its last line, and is `lost` where its host has died. */
  run(command: HostedCommand, onLines: (lines: LogLine[]) => void): Hosted {
    const host = this.#leastBusy()
    const id = ++this.#ids
    const { promise, resolve } = Promise.withResolvers<CommandEnd>()
    host.commands.set(id, { onLines, end: resolve })
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
    const host: Host = { process: child, commands: new Map() }
    this.#hosts.add(host)
    child.on('message', (message: FromHost) => hear(host, message))
    child.on('error', (error) => this.#lose(host, error.message))
    child.on('exit', () => this.#lose(host))
    return host
  }

  #lose(host: Host, error?: string): void {
    this.#hosts.delete(host)
    const end = {
      code: null,
      signal: null,
      ...(error === undefined ? { reason: 'lost' as const } : { error }),
    }
    for (const command of host.commands.values()) command.end(end)
    host.commands.clear()
  }
}

function hear({ commands }: Host, message: FromHost): void {
  const command = commands.get(message.id)
  if (message.type === 'lines') command?.onLines(message.lines)
  else if (commands.delete(message.id)) command?.end(message.end)
}

function send({ process }: Host, message: ToHost): void {
  if (process.connected) process.send(message, () => {})
}
