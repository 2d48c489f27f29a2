import type { SFNClientConfig } from '@aws-sdk/client-sfn'
import type { Ports } from '../../core/ports/deciding.ts'
import type { LaunchTimeouts } from '../../engine/context.ts'

/** Ports that a test build puts something around. */
export type WrappedPorts = Pick<Ports, 'store' | 'plans' | 'queue'>

/** What builds of a deployment may do differently. The entry of each bundle says which build it is. */
export interface Build {
  /** How long a lease lasts. */
  leaseMs: number
  /** How often a lease is extended; each time is a write. */
  heartbeatMs: number
  /** For how long a worker goes on with what became ready by its attempts; 0: all of it is left to the feed. */
  handOnMs: number
  /** How long ECS lets a program in a container stop before it kills it; shorter than a lease less two heartbeats. */
  stopMs: number
  /** How long a program may take until its keeper runs, and how often ECS is asked of programs. */
  launching: LaunchTimeouts
  /** How every client of AWS tries again. */
  client: Pick<SFNClientConfig, 'maxAttempts' | 'retryMode' | 'requestHandler'>
  /** Puts something around the ports. */
  wrapPorts<P extends WrappedPorts>(ports: P): P
}

/**
 * The build that users deploy. A lease outlives some lost heartbeats. Clients try again more often than by default, and slower
 * when they are throttled (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html).
 */
export const BUILD: Build = {
  leaseMs: 60_000,
  heartbeatMs: 15_000,
  handOnMs: 30_000,
  stopMs: 30_000,
  launching: { startMs: 15 * 60_000, lookMs: 60_000 },
  client: { maxAttempts: 8, retryMode: 'standard' },
  wrapPorts: (ports) => ports,
}
