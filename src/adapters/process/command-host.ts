import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import type { LogLine } from '../../core/ports.ts'
import type { CommandEnd, FromHost, HostedCommand, ToHost } from './command-protocol.ts'
import { killGroup } from './kill-group.ts'
import { killLeftovers } from './leftovers.ts'
import { onLines } from './lines.ts'
import { sampleMemory } from './memory-sampler.ts'

/*
 * A process that runs commands for the engine: starting one copies the memory map of whoever starts it, which takes ten
 * times as long in a large process as in this one. It ends with its engine, and all commands with it; whoever cannot
 * extend a lease, a frozen engine too, loses the command at the end of the lease.
 */

// Copied once: each look at the real one asks the system. The cache of compiled code is for this process alone.
const { NODE_COMPILE_CACHE: _, ...environment } = process.env

const say = (message: FromHost) => process.send?.(message)
const commands = new Map<number, Command>()

process.on('message', (message: ToHost) => {
  switch (message.type) {
    case 'run':
      run(message.id, message.command)
      break
    case 'beat':
      commands.get(message.id)?.beat(message.leaseMs)
      break
    case 'signal':
      commands.get(message.id)?.signal(message.signal)
  }
})

process.on('disconnect', () => {
  for (const command of commands.values()) command.signal('SIGKILL')
  process.exit()
})

interface Command {
  beat(leaseMs: number): void
  signal(signal: 'SIGTERM' | 'SIGKILL'): void
}

/** Node throws what it cannot pass on to the kernel, such as arguments that are too long. */
function run(id: number, command: HostedCommand): void {
  try {
    if (Number(command.env.SLUICE_ATTEMPT) > 1) killLeftovers(command.env)
    commands.set(id, start(id, command))
  } catch (error) {
    say({ type: 'end', id, end: { code: null, signal: null, error: (error as Error).message } })
  }
}

function start(id: number, { argv, folder, env, leaseMs, memoryMb = Infinity }: HostedCommand): Command {
  const [program = '', ...args] = argv
  const child = spawn(program, args, {
    cwd: folder,
    env: { ...environment, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: Ctrl-C reaches only the engine, and a kill reaches what the command has started.
    detached: true,
  })
  let reason: CommandEnd['reason']
  const kill = (why: CommandEnd['reason']) => {
    reason ??= why
    killGroup(child.pid)
  }
  const memory = sampleMemory(child.pid, (bytes) => {
    if (bytes > memoryMb * 1024 * 1024) kill('out_of_memory')
  })
  let lease = setTimeout(kill, leaseMs, 'lost')
  const end = (told: Pick<CommandEnd, 'code' | 'signal' | 'error'>) => {
    clearTimeout(lease)
    memory.stop()
    // What the command has started in its group does not outlive it.
    killGroup(child.pid)
    if (!commands.delete(id)) return
    const peakMemoryBytes = memory.peakBytes()
    const peak = peakMemoryBytes === undefined ? {} : { peakMemoryBytes }
    say({ type: 'end', id, end: { ...told, ...(reason && { reason }), ...peak } })
  }
  child.on('error', (error) => end({ code: null, signal: null, error: error.message }))
  child.on('close', (code, signal) => end({ code, signal }))
  listen(id, child.stdout, 'info')
  listen(id, child.stderr, 'error')
  return {
    beat(ms) {
      clearTimeout(lease)
      lease = setTimeout(kill, ms, 'lost')
    },
    signal: (signal) => killGroup(child.pid, signal),
  }
}

function listen(id: number, stream: Readable, level: LogLine['level']): void {
  onLines(stream, (texts) => {
    const at = Date.now()
    say({ type: 'lines', id, lines: texts.map((text) => ({ at, level, text })) })
  })
}
