import { createHash } from 'node:crypto'
import type { Home } from '../../../control/home.ts'
import { keys } from '../../../core/keys.ts'
import { makeProgramFamily } from '../../../core/names.ts'
import type { Delivery, Message } from '../../../core/ports/deciding.ts'
import type { Ending } from '../../../core/ports/working.ts'
import { makeProgramEnvironment, type ProgramLaunch } from '../../../core/program.ts'
import type { AttemptOutcome } from '../../../core/records/status.ts'
import { type ClaimedAttempt, claimAttempt, readClaimedAttempt } from '../../../engine/claim.ts'
import { readPlannedTask } from '../../../engine/claim-snapshot.ts'
import type { Context } from '../../../engine/context.ts'
import { finishAttempt } from '../../../engine/finish.ts'
import type { AttemptHandover } from '../../../engine/take-over.ts'
import type { BundledPrograms } from '../../../project/bundled.ts'

/** What launching a program needs to be told. */
export interface LaunchOrder {
  token: string
  family: string
  argv?: readonly string[]
  env: { readonly [name: string]: string }
  handover: AttemptHandover
  cpu: number
  memoryMb: number
  /** On spare capacity first. */
  spot: boolean
}

/** What launching programs looks at and does. */
export interface LaunchProgramsParts {
  home: Home
  programs: BundledPrograms
  /** What the families of all task definitions begin with. */
  families: string
  launch(order: LaunchOrder): Promise<ProgramLaunch>
}

/** So long at least a message waits that comes too early, because each look is an invocation. */
const LEAST_DELAY_MS = 2_000

/**
 * Claims the attempts of messages and launches their programs; from then on the keepers run them. A launcher that died between the
 * claim and the launch leaves its message, which comes again: the program is launched then, under the same token, so that ECS starts it
 * once. If the message is lost as well, the lease ends, and the attempt is lost.
 */
export function makeLaunchProgramsHandler(parts: LaunchProgramsParts) {
  const { context } = parts.home
  const { queue } = context.ports
  return async (delivery: Delivery): Promise<void> => {
    const result = await claimAttempt(context, delivery.message)
    if (result.is === 'early') await queue.putBack(delivery, Math.max(result.delayMs, LEAST_DELAY_MS))
    const claimed =
      result.is === 'ours' ? result.claimed : await readUnfinishedLaunch(context, delivery.message)
    if (claimed !== undefined) await launchClaimed(parts, claimed)
  }
}

/** An attempt that a launcher has claimed and no keeper has taken over; the program may have been launched or not. */
async function readUnfinishedLaunch(
  context: Context,
  { run, number, attempt }: Message,
): Promise<ClaimedAttempt | undefined> {
  const [task] = await context.ports.store.read([keys.taskRun(run, number)])
  if (task?.status !== 'running' || task.attempt !== attempt || task.worker !== context.settings.worker)
    return undefined
  const { nonce } = task
  const planned = await readPlannedTask(context, task)
  return nonce === undefined
    ? undefined
    : readClaimedAttempt(context, task, planned, { nonce, replaces: true })
}

async function launchClaimed(parts: LaunchProgramsParts, claimed: ClaimedAttempt): Promise<void> {
  const order = makeOrder(parts, claimed)
  const answer =
    typeof order === 'string' ? { is: 'refused' as const, message: order } : await parts.launch(order)
  if (answer.is !== 'launched') await finishAttempt(parts.home.context, claimed, makeUnlaunchedEnding(answer))
}

function makeOrder(
  { programs, families }: LaunchProgramsParts,
  { task, planned, nonce, replaces, checkpoint, memoryMb }: ClaimedAttempt,
): LaunchOrder | string {
  const { run, number, attempt, counts = {} } = task
  const program = programs[planned.family]
  if (program === undefined || planned.container === undefined)
    return `the deployment no longer runs ${planned.family} in a container`
  const { argv } = planned.container
  const job = { run, task: planned, attempt, nonce, ...(checkpoint === undefined ? {} : { checkpoint }) }
  return {
    token: createHash('sha256').update([run, number, attempt, nonce].join(' ')).digest('hex').slice(0, 32),
    family: makeProgramFamily(families, program.pool, program.id),
    env: makeProgramEnvironment(job),
    handover: { run, number, attempt, nonce, replaces: replaces ?? false },
    cpu: planned.policy.cpu ?? program.cpu,
    memoryMb: memoryMb ?? program.memoryMb,
    // What was interrupted once gets capacity that stays.
    spot: program.spot && (counts.interrupted ?? 0) === 0,
    ...(argv === undefined ? {} : { argv }),
  }
}

const OUTCOMES: { [is: string]: AttemptOutcome } = { throttled: 'throttled', 'no-capacity': 'not_started' }

function makeUnlaunchedEnding({ is, message }: { is: string; message: string }): Ending {
  const outcome = OUTCOMES[is] ?? 'failed'
  const failure = { outcome, message: `the program could not be launched: ${message}` }
  return { outcome, failure, ...(outcome === 'failed' ? { isFinal: true } : {}) }
}
