import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { performance } from 'node:perf_hooks'

/** Clocks of a machine. */
export interface MachineTime {
  /** Id of the boot since which `monotonic` counts; undefined on machines without one (macOS, Windows). */
  boot: string | undefined
  /** Milliseconds that never jump, the same for all processes of a boot; a machine that sleeps does not count them. */
  monotonic(): number
  /** How long the machine has slept since its boot, in milliseconds; 0 if that is not known. */
  slept(): number
  /** The wall clock, as people and NTP set it. */
  wall(): number
}

/** The start of `performance.now()` in this process, on the clock that all processes share. */
const BEGAN_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now()

const monotonic = () => BEGAN_MS + performance.now()

/** The time of this machine. */
export const machineTime: MachineTime = {
  boot: bootId(),
  monotonic,
  // Linux counts uptime through sleep, and its monotonic clock without (clock_gettime(2)).
  slept: () => Math.max(0, uptime() * 1_000 - monotonic()),
  wall: () => Date.now(),
}

function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return undefined
  }
}
