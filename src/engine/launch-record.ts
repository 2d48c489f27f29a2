import { type Fields, findStandingRecord, type Stored } from '../core/change.ts'
import { keys } from '../core/keys.ts'
import type { PlannedTask } from '../core/plan.ts'
import type { AttemptHandover, Launcher, LaunchQuery } from '../core/ports/launching.ts'
import type { Ending } from '../core/ports/working.ts'
import type { Launch } from '../core/records/launch.ts'
import type { TaskRun } from '../core/records/task-run.ts'
import type { Context } from './context.ts'
import { finishAttempt } from './finish.ts'
import { waitAfterLostRace } from './races.ts'

/*
 * The launch in the record of its task run, which launchers, keepers and looks change at the same time. Each change is decided on what
 * stands, and nothing is changed of an attempt that is over.
 */

/** A task run whose running attempt is a job elsewhere. */
export type LaunchedTask = Stored<TaskRun> & { launch: Launch; nonce: string }

/** The task run, if its attempt is a job elsewhere that has not ended. */
export function findLaunchedTask(task: Stored<TaskRun> | undefined): LaunchedTask | undefined {
  if (task?.status !== 'running' || task.launch === undefined || task.nonce === undefined) return undefined
  return { ...task, launch: task.launch, nonce: task.nonce }
}

/** The task run of a handover; undefined if its attempt is over. */
export async function readLaunchedTask(
  { ports }: Context,
  handover: AttemptHandover,
): Promise<LaunchedTask | undefined> {
  const [stored] = await ports.store.read([keys.taskRun(handover.run, handover.number)])
  return selectHandedOver(stored, handover)
}

/** The task run, if the attempt of a handover is running. */
export function selectHandedOver(
  stored: Stored<TaskRun> | undefined,
  { attempt, token }: Pick<AttemptHandover, 'attempt' | 'token'>,
): LaunchedTask | undefined {
  const task = findLaunchedTask(stored)
  return task?.attempt === attempt && task.launch.token === token ? task : undefined
}

/**
 * Changes the task run of a launch as long as its attempt runs; what `decide` returns is written on what stands. Undefined if the attempt
 * is over, or `decide` returns nothing.
 */
export async function updateLaunch(
  { ports }: Context,
  task: LaunchedTask,
  decide: (task: LaunchedTask) => Fields<TaskRun> | undefined,
): Promise<LaunchedTask | undefined> {
  const key = keys.taskRun(task.run, task.number)
  let standing: LaunchedTask | undefined = task
  for (let tries = 0; standing !== undefined; tries++) {
    const set = decide(standing)
    if (set === undefined) return undefined
    const { version } = standing
    const result = await ports.store.write([{ key, set, if: { version, nonce: task.nonce } }])
    if (result.ok) return findLaunchedTask({ ...standing, ...set, version: version + 1 })
    standing = selectHandedOver(findStandingRecord(result, 'taskRun'), {
      attempt: task.attempt,
      token: task.launch.token,
    })
    if (tries > 0) await waitAfterLostRace(ports, tries)
  }
  return undefined
}

/** A launch that no process is launching now. */
export const freeLaunch = ({ busyUntil: _, ...launch }: Launch): Launch => launch

/** What a job is found by that a launcher may have launched before it was cut. */
export const makeLaunchQuery = ({ launch: { token, place, times } }: LaunchedTask): LaunchQuery => ({
  token,
  target: place?.target ?? '',
  since: times.claimedAt,
})

/** Writes the handle of a job that was launched; one whose attempt is over, or has another job, is stopped. */
export async function keepHandle<D>(
  context: Context,
  launcher: Launcher<D>,
  task: LaunchedTask,
  handle: string,
): Promise<void> {
  const launchedAt = context.ports.clock.now()
  const kept = await updateLaunch(context, task, ({ launch }) => ({
    launch: {
      ...freeLaunch(launch),
      handle: launch.handle ?? handle,
      times: { ...launch.times, launchedAt },
    },
  }))
  if (kept?.launch.handle !== handle) await launcher.stop(handle, 'its attempt is over')
}

/** Writes the end of an attempt whose job has ended, or never was; false if it was over before, or `onlyIf` does not hold. */
export async function endLaunchedAttempt(
  context: Context,
  task: LaunchedTask,
  planned: PlannedTask,
  ending: Ending,
  onlyIf: Fields<TaskRun> = {},
): Promise<boolean> {
  const memoryMb = task.memoryMb ?? planned.policy.memoryMb
  const ended = { task, planned, nonce: task.nonce, ...(memoryMb === undefined ? {} : { memoryMb }) }
  const isEnded = await finishAttempt(context, ended, ending, onlyIf)
  if (isEnded && (ending.outcome === 'not_started' || ending.isFinal)) context.onLaunchTrouble?.()
  return isEnded
}
