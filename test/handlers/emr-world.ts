import assert from 'node:assert/strict'
import { readEmrNews } from '../../src/adapters/emr/jobs.ts'
import { keys } from '../../src/core/keys.ts'
import { advanceFeed } from '../../src/engine/advance.ts'
import type { Context, Launching } from '../../src/engine/context.ts'
import { type LaunchParts, launchDelivery } from '../../src/engine/launch.ts'
import { makeJobEventsHandler } from '../../src/homes/aws/handlers/job-events.ts'
import { makePlanHandler } from '../../src/homes/aws/handlers/plan.ts'
import { makeTickHandler } from '../../src/homes/aws/handlers/tick.ts'
import { makeJobTargetLook } from '../../src/homes/aws/job-services.ts'
import { NOWHERE } from '../../src/homes/simulated/home.ts'
import type { Pipeline } from '../../src/index.ts'
import { memoryDeployment } from './deployment.ts'

/** A run whose first task is a job of EMR. */
export interface EmrWorld<D> {
  pipelines: Pipeline[]
  input: object
  service: string
  placeOf: NonNullable<Launching['placeOf']>
  /** How its jobs are launched, by the clock of the run. */
  parts(now: () => number): Omit<LaunchParts<D>, 'isMade'>
}

/** The deployed handlers around one service of EMR: plan, launch, events, tick and sweep. */
export async function openEmrWorld<D>({ pipelines, input, service, placeOf, parts }: EmrWorld<D>) {
  let now = Date.UTC(2026, 0, 1)
  const deployment = memoryDeployment(pipelines, () => now)
  for (const { root } of pipelines)
    for (const name of Object.values(root.policy.secrets)) deployment.secrets.add(name)
  const made = new Set<string>()
  const storage = {
    ...NOWHERE.storage,
    uri: (path: string) => `s3://bucket/targets/${path}`,
    existMany: async (paths: string[]) => paths.map((path) => made.has(path)),
  }
  const home = { ...deployment.home, surroundings: { ...NOWHERE, storage, runsJobs: true as const } }
  const launching: Launching = { startMs: 900_000, lookMs: 60_000, placeOf }
  const context: Context = { ...deployment.context, launching }
  const plan = makePlanHandler(home, deployment.project, deployment.executions)
  const pipeline = pipelines[0]?.name ?? ''
  const execution = `arn:aws:states:eu-west-2:1:execution:${pipeline}:one`
  await plan({ token: 'token', execution, name: 'one', input, pipeline })
  const launched = parts(() => now)
  const looked = { launcher: launched.launcher, isMade: makeJobTargetLook(storage) }
  const services = { [service]: { ...launched, ...looked } }
  const tick = makeTickHandler({
    repair: async () => {},
    home: { ...home, context },
    wake: async () => {},
    pools: [],
    services: { [service]: looked },
    keep: () => {},
  })
  const hear = makeJobEventsHandler({
    home: { ...home, context },
    toNews: () => undefined,
    wake: async () => {},
    jobs: {
      services: { [service]: looked },
      readNews: (launcher, changed) => readEmrNews(launcher, 'prod', changed),
    },
  })
  const settle = async () => {
    while ((await advanceFeed(context)) > 0);
  }
  const [run] = await context.ports.store.list({ prefix: 'run/', consistency: 'strong' })
  const id = run?.record.kind === 'run' ? run.record.id : ''
  return {
    made,
    settle,
    id,
    deployment,
    hear,
    async launch() {
      await settle()
      const deliveries = await context.ports.queue.take({ pools: { default: 9 }, limit: 9, visibilityMs: 0 })
      for (const delivery of deliveries) await launchDelivery(context, services, delivery)
      return deliveries.length
    },
    async task() {
      const [record] = await context.ports.store.read([keys.taskRun(id, 0)])
      assert.ok(record)
      return record
    },
    attempt: async (number: number) => (await context.ports.store.read([keys.attempt(id, 0, number)]))[0],
    tickAfter: (ms: number) => {
      now += ms
      return tick({})
    },
    sweep: () => tick({ audit: true }),
  }
}
