import type { StartTimes } from './records/launch.ts'

/** How long each part of an attempt took, in milliseconds. A part that is not known, or not over, is absent. */
export interface AttemptParts {
  /** It could begin, and waited for a worker. */
  queuedMs?: number
  /** It waited for a limit, for the same task in another run, or for capacity. */
  limitMs?: number
  /** From the claim until its start began: it was prepared, or a service had to accept it and find a place. */
  launchMs?: number
  /** Its image was pulled or built. */
  pullMs?: number
  /** Its process or container was started. */
  startMs?: number
  runMs?: number
}

/** What the parts of an attempt are made from, by the wall clock; its clocks are those of several machines. */
export interface AttemptInstants extends StartTimes {
  readyAt?: number | undefined
  waitedSince?: number | undefined
  claimedAt?: number | undefined
  endedAt?: number | undefined
}

/** The parts of an attempt: each lasts until the next that is known begins. */
export function computeAttemptParts(instants: AttemptInstants): AttemptParts {
  const { readyAt, waitedSince, claimedAt, pullingAt, startingAt, endedAt } = instants
  const isPlain = (pullingAt ?? startingAt ?? instants.runningAt) === undefined
  const begins: [part: keyof AttemptParts | 'end', at: number | undefined][] = [
    ['queuedMs', readyAt],
    ['limitMs', waitedSince],
    // A body that has a process already, or needs none, runs from its claim on.
    ['launchMs', isPlain ? undefined : claimedAt],
    ['pullMs', pullingAt],
    ['startMs', startingAt],
    ['runMs', isPlain ? claimedAt : instants.runningAt],
    ['end', endedAt],
  ]
  const parts: AttemptParts = {}
  let last: { part: keyof AttemptParts | 'end'; at: number } | undefined
  for (const [part, at] of begins) {
    if (at === undefined) continue
    if (last !== undefined && last.part !== 'end') parts[last.part] = Math.max(0, at - last.at)
    last = { part, at: Math.max(at, last?.at ?? at) }
  }
  return parts
}
