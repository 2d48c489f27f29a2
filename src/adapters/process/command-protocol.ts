import type { LogLine } from '../../core/ports.ts'
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
  | { type: 'beat'; id: number; leaseMs: number }
  | { type: 'signal'; id: number; signal: 'SIGTERM' | 'SIGKILL' }

/** How a command ended. */
export interface CommandEnd {
  code: number | null
  signal: string | null
  /** It could not be started. */
  error?: string
  /** Why its host has killed it. */
  reason?: 'out_of_memory' | 'lost'
  peakMemoryBytes?: number
}

/** What a host says to the engine. */
export type FromHost =
  | { type: 'lines'; id: number; lines: LogLine[] }
  | { type: 'end'; id: number; end: CommandEnd }
