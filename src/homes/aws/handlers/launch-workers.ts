import type { Stored } from '../../../core/change.ts'
import { readErrorMessage } from '../../../core/errors.ts'
import { type Key, keys } from '../../../core/keys.ts'
import {
  type Container,
  countNeededLaunches,
  type Launched,
  makeLaunchRecord,
  recordContainerCrash,
  recordContainerStates,
  recordLaunchFailure,
} from '../../../core/launch.ts'
import type { Ports } from '../../../core/ports/deciding.ts'
import type { Crash, Launches } from '../../../core/records/deployment.ts'
import { type GovernorContext, slowLaunchesDown, takeLaunch } from '../../../engine/launch-rate.ts'
import { LAUNCH_RATE } from './launch-rate.ts'

/** A pool of containers. */
export interface LaunchedPool {
  family: string
  /** How many containers at most. */
  most: number
  /** On spare capacity first. */
  spot: boolean
}

/** What a launcher is asked for: one pool, by its name or its containers' family, or all of them. */
export interface LaunchEvent {
  pool?: string
  family?: string
  /** A container of the family crashed without a task. */
  crash?: Crash
}

/** What launching looks at and does. */
export interface LaunchParts {
  context: GovernorContext
  pools: { [name: string]: LaunchedPool }
  /** Messages of a pool's queue that no worker has taken. */
  backlog(pool: string): Promise<number>
  /** Containers of a family that run or start, and what became of those that are named. */
  look(family: string, named: string[]): Promise<Container[]>
  launch(family: string, wanted: { count: number; spot: boolean }): Promise<Launched>
}

/** So long it waits for its turn in the account; after that the next tick comes for what is missing. */
const LONGEST_TURN_MS = 15_000
/** Longer than the function's own time: a launcher that was seen at work and is not any more has died. */
const BUSY_MS = 90_000

/**
 * Launches the containers that pools are missing. They end by themselves when nothing is left to do, so nothing is ever
 * scaled in. One launcher works on a pool at a time, or two would start more than its size; a call that comes meanwhile
 * has it look once more.
 */
export function makeLaunchHandler(parts: LaunchParts) {
  return async (wanted: LaunchEvent): Promise<{ [pool: string]: number }> => {
    const launched: { [pool: string]: number } = {}
    for (const [name, pool] of Object.entries(parts.pools))
      if ((wanted.pool ?? name) === name && (wanted.family ?? pool.family) === pool.family)
        launched[name] = await launchFor(parts, name, pool, wanted.crash)
    return launched
  }
}

async function launchFor(
  parts: LaunchParts,
  name: string,
  pool: LaunchedPool,
  crash: Crash | undefined,
): Promise<number> {
  let launched = 0
  for (let row = await beginLaunch(parts, name, crash); row !== undefined; ) {
    const done = await launchMissing(parts, name, pool, row)
    launched += done.launched
    row = await endLaunch(parts, name, row, done.row)
  }
  return launched
}

/** The row, which is ours to work on; undefined if another launcher has it and will look once more. */
async function beginLaunch(
  { context }: LaunchParts,
  pool: string,
  crash: Crash | undefined,
): Promise<Stored<Launches> | undefined> {
  const { store, clock } = context.ports
  const key = keys.launches(pool)
  for (;;) {
    const [stored] = await store.read([key])
    const isBusy = (stored?.busyUntil ?? 0) > clock.now()
    const row = { ...(stored ?? makeLaunchRecord(pool)), ...(crash === undefined ? {} : { crash }) }
    const next = isBusy ? { ...row, asked: row.asked + 1 } : { ...row, busyUntil: clock.now() + BUSY_MS }
    const written = await writeLaunchRow(store, key, stored, next)
    if (written !== undefined) return isBusy ? undefined : written
  }
}

/** Leaves the row as it is now; if a launch was asked for meanwhile, it stays ours and is returned. */
async function endLaunch(
  { context }: LaunchParts,
  pool: string,
  ours: Stored<Launches>,
  { busyUntil: _, ...done }: Launches,
): Promise<Stored<Launches> | undefined> {
  const { store, clock } = context.ports
  const key = keys.launches(pool)
  if ((await writeLaunchRow(store, key, ours, done)) !== undefined) return undefined
  for (;;) {
    const [stored] = await store.read([key])
    const { asked = 0, crash } = stored ?? {}
    const busyUntil = clock.now() + BUSY_MS
    const again = await writeLaunchRow(store, key, stored, {
      ...done,
      asked,
      busyUntil,
      ...(crash && { crash }),
    })
    if (again !== undefined) return again
  }
}

/** The row as it stands then; undefined if it was changed meanwhile. */
async function writeLaunchRow(
  store: Ports['store'],
  key: Key<'launches'>,
  stored: Stored<Launches> | undefined,
  row: Launches & { version?: number },
): Promise<Stored<Launches> | undefined> {
  const { version = 0, ...put } = { ...row, version: stored?.version }
  const result = await store.write([{ key, put, if: stored === undefined ? 'absent' : { version } }])
  return result.ok ? { ...put, version: version + 1 } : undefined
}

async function launchMissing(
  { context, backlog, look, launch }: LaunchParts,
  name: string,
  { family, most, spot }: LaunchedPool,
  before: Launches,
): Promise<{ row: Launches; launched: number }> {
  const { clock, random } = context.ports
  const containers = await look(family, before.unproved)
  const { crash, ...looked } = recordContainerStates(before, containers, clock.now(), random.number())
  // A container that is still to prove itself has been looked at.
  const row =
    crash === undefined || before.unproved.includes(crash.arn)
      ? looked
      : recordContainerCrash(looked, crash, clock.now(), random.number())
  const messages = await backlog(name)
  const count = countNeededLaunches(row, containers, { messages, most, now: clock.now() })
  if (count === 0 || !(await waitForTurn(context, count))) return { row, launched: 0 }
  const { arns, problem, isThrottled } = await launch(family, { count, spot }).catch(
    (error): Launched => ({
      arns: [],
      problem: readErrorMessage(error),
    }),
  )
  const started = { ...row, unproved: [...row.unproved, ...arns] }
  if (problem === undefined) return { row: started, launched: arns.length }
  console.error(`no container of ${name} could be started: ${problem}`)
  if (isThrottled) {
    await slowLaunchesDown(context, LAUNCH_RATE)
    return { row: started, launched: arns.length }
  }
  return { row: recordLaunchFailure(started, problem, clock.now(), random.number()), launched: arns.length }
}

/** Takes launches from the account's governor, and waits for them; false if their turn is too far away. */
async function waitForTurn(context: GovernorContext, count: number): Promise<boolean> {
  const { isTaken, waitMs } = await takeLaunch(context, LAUNCH_RATE, { count, longestMs: LONGEST_TURN_MS })
  if (waitMs > 0 && isTaken) await context.ports.clock.sleep(waitMs)
  return isTaken
}
