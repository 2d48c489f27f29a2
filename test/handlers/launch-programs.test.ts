import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { toJobNews } from '../../src/adapters/ecs/job-state.ts'
import { keys } from '../../src/core/keys.ts'
import { KEPT } from '../../src/core/names.ts'
import type { ProgramDetails } from '../../src/core/program.ts'
import { ECS } from '../../src/core/records/launch.ts'
import { advanceFeed } from '../../src/engine/advance.ts'
import type { Context } from '../../src/engine/context.ts'
import { launchDelivery } from '../../src/engine/launch.ts'
import { takeOverAttempt } from '../../src/engine/take-over.ts'
import { makeJobEventsHandler } from '../../src/homes/aws/handlers/job-events.ts'
import { makeProgramDetails, makeProgramPlaces } from '../../src/homes/aws/handlers/launch-programs.ts'
import { LAUNCH_RATE } from '../../src/homes/aws/handlers/launch-rate.ts'
import { makePlanHandler } from '../../src/homes/aws/handlers/plan.ts'
import { makeTickHandler } from '../../src/homes/aws/handlers/tick.ts'
import { container, pipeline } from '../../src/index.ts'
import { FakeLauncher } from '../support/fake-launcher.ts'
import { memoryDeployment } from './deployment.ts'

const Kept = container('LaunchedKept', {
  params: { n: z.int() },
  image: 'busybox:1',
  command: ({ params }) => ['echo', String(params.n)],
  cpu: 300,
  memoryMb: 900,
  retry: { attempts: 2, delaySeconds: 0 },
})
const kept = pipeline('kept', Kept)
const PROGRAMS = {
  LaunchedKept: { pool: 'default', id: '0123456789abcdef', cpu: 512, memoryMb: 2048, spot: true },
}

/** A run whose only task is a container, on a platform that only notes what it is asked to launch. */
async function launching() {
  let now = Date.UTC(2026, 0, 1)
  const { home, project, executions, ...deployment } = memoryDeployment([kept], () => now)
  const context: Context = {
    ...deployment.context,
    settings: { ...deployment.context.settings, worker: 'launch-programs' },
    launching: {
      startMs: 900_000,
      lookMs: 60_000,
      placeOf: makeProgramPlaces(PROGRAMS, 'sluice-prod-'),
    },
  }
  const plan = makePlanHandler(home, project, executions)
  const execution = 'arn:aws:states:eu-west-2:1:execution:kept:one'
  await plan({ token: 'token', execution, name: 'one', input: { n: 1 }, pipeline: 'kept' })
  await advanceFeed(context)
  await advanceFeed(context)
  const launcher = new FakeLauncher<ProgramDetails>(() => now)
  const parts = {
    launcher,
    governor: LAUNCH_RATE,
    makeDetails: makeProgramDetails(PROGRAMS),
  }
  const [delivery] = await context.ports.queue.take({ pools: { default: 10 }, limit: 10, visibilityMs: 0 })
  assert.ok(delivery)
  const { run, number } = delivery.message
  const task = async () => {
    const [record] = await context.ports.store.read([keys.taskRun(run, number)])
    assert.ok(record)
    return record
  }
  const ordered = (index = 0) => {
    const job = [...launcher.jobs.values()][index]
    assert.ok(job)
    return job.order
  }
  const stopped = makeJobEventsHandler({ home, toNews: toJobNews, wake: async () => {} })
  const stop = (detail: object) =>
    stopped({
      source: 'aws.ecs',
      detail: {
        taskArn: 'job-000001',
        taskDefinitionArn: 'arn:task-definition/f:1',
        lastStatus: 'STOPPED',
        overrides: {
          containerOverrides: [
            {
              name: 'keeper',
              environment: [{ name: KEPT.handover, value: JSON.stringify(ordered().handover) }],
            },
            { name: 'program' },
          ],
        },
        ...detail,
      },
    })
  /** What a keeper does first. */
  const takeOver = (worker: string, handle = 'job-000001') => {
    const settings = { ...context.settings, worker, leaseMs: 60_000 }
    return takeOverAttempt({ ...context, settings }, ordered().handover, { handle })
  }
  const tick = makeTickHandler({
    repair: async () => {},
    home: { ...home, context },
    wake: async () => {},
    pools: [],
    services: { [ECS]: { launcher } },
    keep: () => {},
  })
  return {
    launcher,
    launch: () => launchDelivery(context, { [ECS]: parts }, delivery),
    task,
    ordered,
    stop,
    takeOver,
    tickAfter: (ms: number) => {
      now += ms
      return tick({})
    },
    sweep: () => tick({ audit: true }),
  }
}

describe('launching programs', () => {
  it('claims the attempt and launches it with what its definition says', async () => {
    const { launch, task, ordered } = await launching()
    await launch()
    const { target, details, handover } = ordered()
    const { status, attempt, worker, launch: kept, nonce } = await task()
    assert.deepEqual([status, worker], ['running', 'launch-programs'])
    assert.equal(target, 'sluice-prod-default_0123456789abcdef')
    assert.deepEqual(
      [details.argv, details.cpu, details.memoryMb, details.spot],
      [['echo', '1'], 300, 900, true],
    )
    assert.deepEqual([handover.token, handover.attempt], [kept?.token, attempt])
    assert.equal(kept?.handle, 'job-000001')
    assert.equal(details.env.SLUICE_TASK, 'LaunchedKept(n=1)')
    assert.match(handover.token, /^[0-9a-f]{32}$/)
    // Who sees the launch cannot write the end of the attempt.
    assert.ok(nonce && !JSON.stringify(ordered()).includes(nonce))
  })

  it('launches nothing again when the message comes again', async () => {
    const { launch, launcher } = await launching()
    await launch()
    await launch()
    assert.equal(launcher.jobs.size, 1)
  })

  it('hands over to one keeper alone', async () => {
    const { launch, takeOver, task } = await launching()
    await launch()
    const claimed = await takeOver('keeper/1')
    assert.equal(claimed?.task.worker, 'keeper/1')
    assert.equal(await takeOver('keeper/2', 'job-000002'), undefined)
    // A keeper whose answer was lost asks again.
    const { worker, nonce } = await task()
    assert.equal((await takeOver('keeper/1'))?.nonce, nonce)
    assert.equal(worker, 'keeper/1')
  })

  it('that is throttled launches later, and the attempt stays as it is', async () => {
    const { launcher, launch, task } = await launching()
    launcher.behaviour.refuse = () => ({ is: 'throttled', message: 'Rate exceeded' })
    await launch()
    const { status, counts, attempt } = await task()
    assert.deepEqual([status, counts, attempt], ['running', undefined, 1])
    launcher.behaviour.refuse = () => undefined
    await launch()
    // The account is slower now.
    assert.equal(launcher.jobs.size, 0)
    assert.ok((await task()).launch?.launchAt)
  })

  it('waits if there is no capacity, and has failed if the order is wrong', async () => {
    for (const [is, status, counts] of [
      ['no_capacity', 'waiting', undefined],
      ['invalid', 'failed', { failed: 1 }],
    ] as const) {
      const { launcher, launch, task } = await launching()
      launcher.behaviour.refuse = () => ({ is, message: 'said ECS' })
      await launch()
      const after = await task()
      assert.deepEqual([after.status, after.counts], [status, counts])
    }
  })
})

describe('ECS tasks of programs that stop', () => {
  for (const [what, detail, outcome] of [
    [
      'that never started',
      { stopCode: 'TaskFailedToStart', stoppedReason: 'ResourceInitializationError: no network' },
      'not_started',
    ],
    ['that were interrupted', { stopCode: 'SpotInterruption', stoppedReason: 'Spot' }, 'interrupted'],
    [
      'whose keeper was killed',
      { stopCode: 'EssentialContainerExited', containers: [{ name: 'keeper', exitCode: 137 }] },
      'lost',
    ],
  ] as const)
    it(`${what} end their attempt as ${outcome}`, async () => {
      const { launch, task, stop, takeOver } = await launching()
      await launch()
      if (outcome === 'lost') await takeOver('keeper/1')
      await stop(detail)
      const { status, counts } = await task()
      assert.deepEqual([status, counts], ['queued', { [outcome]: 1 }])
    })

  it('for an image that no registry has fail for good', async () => {
    const { launch, task, stop } = await launching()
    await launch()
    const reason =
      'CannotPullContainerError: pull image manifest has been retried 1 time(s): manifest unknown'
    await stop({ stopCode: 'TaskFailedToStart', stoppedReason: reason })
    const { status, failure } = await task()
    assert.equal(status, 'failed')
    assert.match(failure?.message ?? '', /its image cannot be pulled: CannotPullContainerError/)
  })

  it('for an image of another processor fail for good, and are told how to deploy', async () => {
    const { launch, task, stop } = await launching()
    await launch()
    const reason =
      "CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor matching platform 'linux/arm64'"
    await stop({ stopCode: 'TaskFailedToStart', stoppedReason: reason })
    const { status, failure } = await task()
    assert.equal(status, 'failed')
    assert.match(
      failure?.message ?? '',
      /another kind of processor .*--architecture.*descriptor matching platform/,
    )
  })

  it('for want of capacity wait, and nothing is counted', async () => {
    const { launch, task, stop } = await launching()
    await launch()
    await stop({ stopCode: 'TaskFailedToStart', stoppedReason: 'Capacity is unavailable at this time' })
    const { status, waitsFor, counts } = await task()
    assert.deepEqual([status, waitsFor, counts], ['waiting', 'capacity', undefined])
  })

  it('for an attempt that is over, or another one, change nothing', async () => {
    const { launch, task, stop } = await launching()
    await launch()
    const detail = { stopCode: 'SpotInterruption', stoppedReason: 'Spot' }
    await stop(detail)
    const before = await task()
    await stop(detail)
    assert.deepEqual(await task(), before)
  })
})

describe('a tick over programs', () => {
  it('ends the attempt of a program of whose end nobody told', async () => {
    const { launcher, launch, task, takeOver, tickAfter } = await launching()
    await launch()
    await takeOver('keeper/1')
    launcher.end('job-000001', { cause: 'spot', message: 'capacity was taken away' })
    await tickAfter(30_000)
    assert.equal((await task()).status, 'running')
    await tickAfter(30_000)
    assert.deepEqual((await task()).counts, { interrupted: 1 })
  })

  it('stops a program whose keeper is silent with each look, and ends its attempt when it has stopped', async () => {
    const { launcher, launch, task, takeOver, tickAfter } = await launching()
    launcher.behaviour.stops = 'later'
    await launch()
    await takeOver('keeper/1')
    launcher.move('job-000001', 'running')
    await tickAfter(70_000)
    const [job] = launcher.open
    assert.ok(job?.isStopAsked)
    job.isStopAsked = false
    await tickAfter(60_000)
    assert.ok(job.isStopAsked)
    assert.deepEqual([(await task()).status, (await task()).launch?.stopping], ['running', 'lost'])
    // A keeper that begins now would run beside the next attempt.
    assert.equal(await takeOver('keeper/1'), undefined)
    launcher.end('job-000001', { cause: 'cancelled', message: 'stopped' })
    await tickAfter(60_000)
    assert.deepEqual((await task()).counts, { lost: 1 })
  })

  it('stops what does not come to life in time', async () => {
    const { launch, task, tickAfter } = await launching()
    await launch()
    await tickAfter(900_000)
    assert.equal((await task()).launch?.stopping, 'not_started')
    await tickAfter(60_000)
    assert.deepEqual((await task()).counts, { not_started: 1 })
  })

  it('that audits stops a program that no attempt owns', async () => {
    const { launcher, launch, ordered, sweep } = await launching()
    await launch()
    const { handover, ...order } = ordered()
    await launcher.launch({ ...order, handover: { ...handover, token: 'another' } })
    await sweep()
    assert.deepEqual(
      launcher.open.map(({ handle }) => handle),
      ['job-000001'],
    )
  })
})
