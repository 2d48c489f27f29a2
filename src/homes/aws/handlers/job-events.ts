import { z } from 'zod'
import type { Home } from '../../../control/home.ts'
import { findStandingRecord } from '../../../core/change.ts'
import { keys } from '../../../core/keys.ts'
import { EVENTS, makeContainerWorkerId, SHELL } from '../../../core/names.ts'
import type { JobNews, Launcher } from '../../../core/ports/launching.ts'
import { makeActor } from '../../../core/records/actor.ts'
import type { Crash } from '../../../core/records/deployment.ts'
import { ECS, EMR_SERVERLESS, EMR_STEP } from '../../../core/records/launch.ts'
import { cancelRun } from '../../../engine/cancel.ts'
import { handleJobNews, type LookServices } from '../../../engine/launch-looks.ts'
import { loseWorkerAttempts } from '../../../engine/tick.ts'
import { parseExecutionId, removeExecution } from './answer.ts'

const EVENT = z.discriminatedUnion('source', [
  z.object({
    source: z.literal(EVENTS.execution.source),
    detail: z.object({ executionArn: z.string(), status: z.string() }),
  }),
  z.object({
    source: z.literal(EVENTS.jobRun.source),
    detail: z.object({
      applicationId: z.string(),
      jobRunId: z.string(),
      jobRunName: z.string().nullish(),
    }),
  }),
  z.object({
    source: z.literal(EVENTS.step.source),
    detail: z.object({ clusterId: z.string(), stepId: z.string(), name: z.string().nullish() }),
  }),
  z.object({
    source: z.literal(EVENTS.container.source),
    detail: z.object({
      taskArn: z.string(),
      taskDefinitionArn: z.string(),
      lastStatus: z.string(),
      startedBy: z.string().nullish(),
      stoppedReason: z.string().nullish(),
      stopCode: z.string().nullish(),
      pullStartedAt: z.iso.datetime({ offset: true }).nullish(),
      pullStoppedAt: z.iso.datetime({ offset: true }).nullish(),
      startedAt: z.iso.datetime({ offset: true }).nullish(),
      stoppingAt: z.iso.datetime({ offset: true }).nullish(),
      stoppedAt: z.iso.datetime({ offset: true }).nullish(),
      containers: z
        .array(
          z.object({ name: z.string().nullish(), exitCode: z.int().nullish(), reason: z.string().nullish() }),
        )
        .nullish(),
      overrides: z
        .object({
          containerOverrides: z
            .array(
              z.object({
                environment: z.array(z.object({ name: z.string(), value: z.string() })).nullish(),
              }),
            )
            .nullish(),
        })
        .nullish(),
    }),
  }),
])

/** A job of EMR that has gone on; `place`: its application or its cluster. */
interface ChangedJob {
  service: typeof EMR_SERVERLESS | typeof EMR_STEP
  place: string
  id: string
  name: string | null | undefined
}

/** An ECS task that has stopped, as its event tells. */
type StoppedContainer = Extract<z.output<typeof EVENT>, { source: typeof EVENTS.container.source }>['detail']

/** https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html */
const ENDED_BY_ITSELF = 'EssentialContainerExited'

/** What is done beside the engine. */
export interface JobEventsParts {
  home: Home
  /** What is told of a program; undefined for a container of anything else. */
  toNews(stopped: StoppedContainer): JobNews | undefined
  /** What is told of jobs of EMR, and how they end; those of other services are left alone. */
  jobs?: {
    services: LookServices
    readNews(launcher: Launcher<unknown>, changed: ChangedJob): Promise<JobNews | undefined>
  }
  /** Launches missing containers of a task definition's family; `crash`: one crashed without a task. */
  wake(family: string, crash?: Crash): Promise<void>
}

/**
 * A run whose last execution was stopped is cancelled. What a container ran that has stopped is lost at once, and its place
 * in the pool is free for another.
 */
export function makeJobEventsHandler(parts: JobEventsParts) {
  return async (event: unknown): Promise<void> => {
    const { source, detail } = EVENT.parse(event)
    if (source === EVENTS.execution.source) {
      if (detail.status === EVENTS.execution.status)
        await handleStoppedExecution(parts.home, detail.executionArn)
    } else if (source === EVENTS.jobRun.source) {
      const { applicationId: place, jobRunId: id, jobRunName: name } = detail
      await handleChangedJob(parts, { service: EMR_SERVERLESS, place, id, name })
    } else if (source === EVENTS.step.source) {
      const { clusterId: place, stepId: id, name } = detail
      await handleChangedJob(parts, { service: EMR_STEP, place, id, name })
    } else if (detail.lastStatus === EVENTS.container.status) await handleStoppedContainer(parts, detail)
  }
}

async function handleChangedJob({ home, jobs }: JobEventsParts, changed: ChangedJob): Promise<void> {
  const parts = jobs?.services[changed.service]
  if (parts === undefined) return
  const news = await jobs?.readNews(parts.launcher, changed)
  if (news !== undefined) await handleJobNews(home.context, { [changed.service]: parts }, news)
}

async function handleStoppedContainer(
  { home, toNews, wake }: JobEventsParts,
  stopped: StoppedContainer,
): Promise<void> {
  // It has run no attempt, and has no place in a pool.
  if (stopped.startedBy === SHELL.startedBy) return
  const news = toNews(stopped)
  if (news !== undefined) return handleJobNews(home.context, { [ECS]: {} }, news)
  const { taskArn, taskDefinitionArn, stoppedReason, stopCode } = stopped
  const why = stoppedReason || stopCode || 'no reason was told'
  const lost = await loseWorkerAttempts(
    home.context,
    makeContainerWorkerId(taskArn),
    `its container stopped: ${why}`,
  )
  // What a task has crashed is counted by the retries of the task.
  const crash = lost === 0 ? findCrash(stopped, why) : undefined
  await wake(parseTaskFamily(taskDefinitionArn), crash)
}

/** A container that ran and ended by itself with an error. */
function findCrash(stopped: StoppedContainer, why: string): Crash | undefined {
  const { taskArn: arn, stopCode, startedAt, stoppingAt, containers } = stopped
  const exitCode = containers?.find((each) => (each.exitCode ?? 0) !== 0)?.exitCode
  if (stopCode !== ENDED_BY_ITSELF || !startedAt || !stoppingAt || exitCode === undefined) return undefined
  return {
    arn,
    ranMs: Date.parse(stoppingAt) - Date.parse(startedAt),
    reason: `${why}; exit code ${exitCode}`,
  }
}

/** `arn:…:task-definition/FAMILY:REVISION`. */
const parseTaskFamily = (arn: string) => arn.slice(arn.lastIndexOf('/') + 1).replace(/:\d+$/, '')

async function handleStoppedExecution({ context }: Home, arn: string): Promise<void> {
  const execution = parseExecutionId(arn)
  const { store, clock } = context.ports
  const noted = await store.write([
    {
      key: keys.execution(execution),
      set: { kind: 'execution', arn, stoppedAt: clock.now() },
      if: { run: undefined },
    },
  ])
  if (noted.ok) return
  const id = findStandingRecord(noted, 'execution')?.run
  if (id === undefined) return
  await removeExecution(store, id, execution)
  const others = await store.list({ prefix: keys.showings(id), consistency: 'strong' })
  const [run] = await store.read([keys.run(id)])
  if (others.length === 0 && run !== undefined)
    await cancelRun(context, run, makeActor('execution', execution))
}
