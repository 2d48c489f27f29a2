import type { OutputStream } from '../attempt-output.ts'
import type { AttemptVariables } from './leftovers.ts'

/** A command as its host starts it. */
export interface HostedCommand {
  argv: string[]
  folder: string
  /** In addition to the host's own environment. */
  env: AttemptVariables & { [name: string]: string }
  leaseMs: number
  /** Limit of the memory of the command and its descendants. */
  memoryMb?: number
}

/** What the engine says to a host; `id` names a command. */
export type ToHost =
  | { type: 'run'; id: number; command: HostedCommand }
  | { type: 'extendLease'; id: number; leaseMs: number }
  | { type: 'signal'; id: number; signal: 'SIGTERM' | 'SIGKILL' }

/** How a command ended. */
export interface CommandEnd {
  code: number | null
  signal: string | null
  /** It could not be started. */
  error?: string
  /** It can be started later: the system had no process, file descriptor or memory left. */
  isScarcity?: true
  /** Why its host has killed it. */
  reason?: 'out_of_memory' | 'lost'
  peakMemoryBytes?: number
}

/** What a host says to the engine. */
export type FromHost =
  | { type: 'ready' }
  /** A piece of its output, which may end within a line. */
  | { type: 'output'; id: number; from: OutputStream; text: string }
  | { type: 'end'; id: number; end: CommandEnd }
