import type { Change, Fields } from '../core/change.ts'
import { keys } from '../core/keys.ts'
import { type Moment, readClockMoment } from '../core/moment.ts'
import type { Ending } from '../core/ports/working.ts'
import { tellLaunch } from '../core/records/launch.ts'
import type { Attempt, TaskRun } from '../core/records/task-run.ts'
import { type AttemptMemory, decideAfterAttempt } from '../core/retry.ts'
import type { ClaimedAttempt } from './claim.ts'
import type { Context } from './context.ts'
import { findYieldProblem, saveYieldedTasks } from './expand.ts'
import { settleHeldLimits } from './limits.ts'
import { waitAfterLostRace } from './races.ts'

/** What has to be known of an attempt to write its end. */
export type EndedAttempt = Pick<ClaimedAttempt, 'task' | 'planned' | 'nonce' | 'memoryMb'>

/**
 * Writes the end of an attempt in one transaction: the task run, what it leaves behind (a marker, a checkpoint, the
 * story of a failure), and what it held of limits. False if the attempt was no longer ours (or `onlyIf` does not
 * hold); then nothing was written.
 */
export async function finishAttempt(
  context: Context,
  claimed: EndedAttempt,
  told: Ending,
  onlyIf: Fields<TaskRun> = {},
): Promise<boolean> {
  const { ports } = context
  const { task, planned } = claimed
  const ending = await checkEnding(context, claimed, told)
  const opened = ending.yielded && (await saveYieldedTasks(context, task, planned, ending.yielded))
  const random = ports.random.number()
  for (let tries = 0; ; tries++) {
    const changes = [
      ...makeEndChanges(claimed, ending, {
        moment: readClockMoment(ports.clock),
        memory: readAttemptMemory(context, claimed),
        random,
        opened,
        onlyIf,
      }),
      ...(await settleHeldLimits(context, task, planned, ending)),
    ]
    const result = await ports.store.write(changes)
    if (result.ok) return true
    if (result.failures.some(({ index }) => index === 0)) return false
    // Another attempt has changed a limit meanwhile.
    await waitAfterLostRace(ports, tries)
  }
}

/** What was yielded must be able to become complete. */
async function checkEnding(
  context: Context,
  { task, planned }: EndedAttempt,
  ending: Ending,
): Promise<Ending> {
  if (ending.outcome !== 'yielded') return ending
  const problem = await findYieldProblem(context, task, planned, ending.yielded?.found ?? [])
  if (problem === undefined) return ending
  const { yielded: _, ...left } = ending
  return { ...left, outcome: 'failed', isFinal: true, failure: { outcome: 'failed', message: problem } }
}

function readAttemptMemory({ settings }: Context, { task, memoryMb }: EndedAttempt): AttemptMemory {
  return {
    hadMb: memoryMb ?? settings.defaultMemoryMb,
    largestMb: settings.limits.pools[task.pool]?.maxMemoryMb ?? settings.largestMemoryMb,
  }
}

interface EndDetails {
  moment: Moment
  memory: AttemptMemory
  random: number
  opened: Fields<TaskRun> | undefined
  onlyIf: Fields<TaskRun>
}

function makeEndChanges(
  claimed: EndedAttempt,
  ending: Ending,
  { moment, memory, random, opened, onlyIf }: EndDetails,
): Change[] {
  const { now } = moment
  const { task, planned, nonce } = claimed
  const end = { ...ending, hasCheckpoint: ending.checkpoint !== undefined }
  const next = decideAfterAttempt(task, end, { policy: planned.policy, memory, moment, random })
  const changes: Change[] = [
    {
      key: keys.taskRun(task.run, task.number),
      set: {
        ...next,
        ...opened,
        ...(ending.progress === undefined ? {} : { progress: ending.progress }),
        holds: undefined,
        peakMemoryBytes: ending.peakMemoryBytes,
        cpuSeconds: ending.cpuSeconds,
        image: ending.image,
        times: ending.times,
        usage: ending.usage,
      },
      if: { status: 'running', attempt: task.attempt, nonce, ...onlyIf },
    },
  ]
  if (ending.checkpoint !== undefined)
    changes.push({
      key: keys.checkpoint(task.run, task.number),
      put: { kind: 'checkpoint', at: now, value: ending.checkpoint },
    })
  if (ending.outcome !== 'succeeded')
    changes.push({
      key: keys.attempt(task.run, task.number, task.attempt),
      put: makeAttemptRecord(claimed, ending, now),
    })
  else if (planned.outputs.length === 0)
    changes.push({
      key: keys.marker(task.taskId),
      put: { kind: 'marker', at: now, result: ending.result ?? null },
    })
  return changes
}

/** The record of an attempt that did not succeed. */
function makeAttemptRecord({ task, memoryMb }: EndedAttempt, ending: Ending, endedAt: number): Attempt {
  return {
    kind: 'attempt',
    run: task.run,
    number: task.number,
    attempt: task.attempt,
    outcome: ending.outcome,
    endedAt,
    ...(memoryMb === undefined ? {} : { memoryMb }),
    ...(task.readyAt === undefined ? {} : { readyAt: task.readyAt }),
    ...(task.waitedSince === undefined ? {} : { waitedSince: task.waitedSince }),
    ...(task.startedAt === undefined ? {} : { startedAt: task.startedAt }),
    ...(task.worker === undefined ? {} : { worker: task.worker }),
    ...(task.code === undefined ? {} : { code: task.code }),
    ...(ending.peakMemoryBytes === undefined ? {} : { peakMemoryBytes: ending.peakMemoryBytes }),
    ...(ending.cpuSeconds === undefined ? {} : { cpuSeconds: ending.cpuSeconds }),
    ...(ending.image === undefined ? {} : { image: ending.image }),
    ...(ending.times === undefined ? {} : { times: ending.times }),
    ...(ending.usage === undefined ? {} : { usage: ending.usage }),
    ...(ending.failure === undefined ? {} : { failure: ending.failure }),
    ...(task.launch === undefined ? {} : { launch: tellLaunch(task.launch) }),
    ...(ending.tail === undefined ? {} : { tail: ending.tail }),
  }
}
