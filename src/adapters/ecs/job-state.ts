import { KEPT } from '../../core/names.ts'
import type { AttemptHandover, JobEnd, JobNews, JobState, JobTimes } from '../../core/ports/launching.ts'
import { explainMissingImage } from '../../core/program.ts'

/* ECS tasks of programs as the port of launching knows them, whether ECS was asked or tells by an event. */

/** An ECS task: what DescribeTasks and the events of EventBridge have in common. */
export interface SeenTask {
  taskArn?: string | undefined
  lastStatus?: string | null | undefined
  stopCode?: string | null | undefined
  stoppedReason?: string | null | undefined
  pullStartedAt?: Instant
  pullStoppedAt?: Instant
  startedAt?: Instant
  stoppedAt?: Instant
  containers?: readonly SeenContainer[] | null | undefined
  overrides?: { containerOverrides?: readonly SeenOverride[] | null | undefined } | null | undefined
}

type Instant = Date | string | null | undefined

interface SeenContainer {
  name?: string | null | undefined
  exitCode?: number | null | undefined
  reason?: string | null | undefined
}

interface SeenOverride {
  environment?: readonly { name?: string | undefined; value?: string | undefined }[] | null | undefined
}

/** What the event of an ECS task tells; undefined if the task is none of a program. */
export function toJobNews(task: SeenTask): JobNews | undefined {
  const handover = readHandover(task)
  if (handover === undefined || task.taskArn === undefined) return undefined
  return { handle: task.taskArn, handover, state: toJobState(task) }
}

/** The attempt that an ECS task was launched for, by the variables of its keeper; undefined for any other ECS task. */
export function readHandover({ overrides }: SeenTask): AttemptHandover | undefined {
  const variables = (overrides?.containerOverrides ?? []).flatMap(({ environment }) => environment ?? [])
  const text = variables.find(({ name }) => name === KEPT.handover)?.value
  try {
    const { run, number, attempt, token } = JSON.parse(text ?? '{}')
    const isWhole = typeof run === 'string' && typeof token === 'string'
    return isWhole && Number.isInteger(number) && Number.isInteger(attempt)
      ? { run, number, attempt, token }
      : undefined
  } catch {
    return undefined
  }
}

/**
 * Where an ECS task stands. Statuses after the last container has run count as running until the task has stopped:
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
 */
export function toJobState(task: SeenTask): JobState {
  const times = readTimes(task)
  switch (task.lastStatus) {
    case 'STOPPED':
      return { is: 'ended', times, end: explainEnd(task) }
    case 'PROVISIONING':
    case 'PENDING':
    case 'ACTIVATING':
      return { is: times.startingAt ? 'starting' : times.pullingAt ? 'pulling' : 'queued', times }
    default:
      return { is: 'running', times }
  }
}

function readTimes({ pullStartedAt, pullStoppedAt, startedAt, stoppedAt }: SeenTask): JobTimes {
  const instants = {
    pullingAt: pullStartedAt,
    startingAt: pullStoppedAt,
    runningAt: startedAt,
    endedAt: stoppedAt,
  }
  return Object.fromEntries(
    Object.entries(instants).flatMap(([name, at]) => (at ? [[name, new Date(at).getTime()]] : [])),
  )
}

/** https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html */
const CAUSES: { [stopCode: string]: JobEnd['cause'] } = {
  SpotInterruption: 'spot',
  TerminationNotice: 'spot',
  UserInitiated: 'cancelled',
  TaskFailedToStart: 'never_started',
  EssentialContainerExited: 'failed',
}

/** What ECS says if it has no place for a task, at once or after it was accepted. */
export const isCapacityGone = (message: string): boolean =>
  /capacity is unavailable|no capacity|RESOURCE:|limit on the number of tasks|vcpu limit/i.test(message)

function explainEnd({ stopCode, stoppedReason, containers }: SeenTask): JobEnd {
  const reasons = (containers ?? []).flatMap(({ reason }) => reason ?? [])
  const why = [stoppedReason || stopCode || 'ECS gave no reason', ...reasons].join('; ')
  const cause = CAUSES[stopCode ?? ''] ?? 'lost'
  if (cause === 'never_started') return explainMissedStart(why)
  const message = `its ECS task stopped: ${why}`
  const exitCode = containers?.find(({ name }) => name === KEPT.keeper)?.exitCode
  if (cause !== 'failed' || exitCode == null) return { cause, message }
  return {
    cause: exitCode === 0 ? 'succeeded' : 'failed',
    exitCode,
    message: `${message}; the keeper ended with exit code ${exitCode}`,
  }
}

function explainMissedStart(why: string): JobEnd {
  const missing = explainMissingImage(why)
  if (missing !== undefined) return { cause: 'invalid', message: missing }
  const cause = isCapacityGone(why) ? 'no_capacity' : 'never_started'
  return { cause, message: `its ECS task did not start: ${why}` }
}
