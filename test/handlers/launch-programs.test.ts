import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { keys } from '../../src/core/keys.ts'
import type { ProgramLaunch } from '../../src/core/program.ts'
import { advanceFeed } from '../../src/engine/advance.ts'
import { takeOverAttempt } from '../../src/engine/take-over.ts'
import { toSettingVariable } from '../../src/homes/aws/environment.ts'
import { makeJobEventsHandler } from '../../src/homes/aws/handlers/job-events.ts'
import { type LaunchOrder, makeLaunchProgramsHandler } from '../../src/homes/aws/handlers/launch-programs.ts'
import { makePlanHandler } from '../../src/homes/aws/handlers/plan.ts'
import { container, pipeline } from '../../src/index.ts'
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
  const { home, context, project, executions } = memoryDeployment([kept])
  context.settings.worker = 'launch-programs'
  const plan = makePlanHandler(home, project, executions)
  const execution = 'arn:aws:states:eu-west-2:1:execution:kept:one'
  await plan({ token: 'token', execution, name: 'one', input: { n: 1 }, pipeline: 'kept' })
  await advanceFeed(context)
  await advanceFeed(context)
  const world = { orders: [] as LaunchOrder[], answer: { is: 'launched' } as ProgramLaunch | Error }
  const launch = makeLaunchProgramsHandler({
    home,
    programs: PROGRAMS,
    families: 'sluice-prod-',
    async launch(order) {
      world.orders.push(order)
      if (world.answer instanceof Error) throw world.answer
      return world.answer
    },
  })
  const take = () => context.ports.queue.take({ pools: { default: 10 }, limit: 10, visibilityMs: 0 })
  const [delivery] = await take()
  assert.ok(delivery)
  const { run, number } = delivery.message
  const task = async () => {
    const [record] = await context.ports.store.read([keys.taskRun(run, number)])
    assert.ok(record)
    return record
  }
  const stopped = makeJobEventsHandler({ home, wake: async () => {} })
  const stop = (order: LaunchOrder, detail: object) =>
    stopped({
      source: 'aws.ecs',
      detail: {
        taskArn: 'arn:task/1',
        taskDefinitionArn: 'arn:task-definition/f:1',
        lastStatus: 'STOPPED',
        overrides: {
          containerOverrides: [
            {
              name: 'keeper',
              environment: [{ name: toSettingVariable('handover'), value: JSON.stringify(order.handover) }],
            },
            { name: 'program' },
          ],
        },
        ...detail,
      },
    })
  /** What a keeper does first. */
  const takeOver = (order: LaunchOrder, worker: string) => {
    const settings = { ...context.settings, worker, leaseMs: 60_000 }
    return takeOverAttempt({ ...context, settings }, order.handover, (each) => each === 'launch-programs')
  }
  return { world, launch: () => launch(delivery), task, stop, takeOver }
}

describe('launching programs', () => {
  it('claims the attempt and launches it with what its definition says', async () => {
    const { world, launch, task } = await launching()
    await launch()
    const [order] = world.orders
    const { status, nonce, attempt, worker } = await task()
    assert.deepEqual([status, worker], ['running', 'launch-programs'])
    assert.equal(order?.family, 'sluice-prod-default_0123456789abcdef')
    assert.deepEqual([order?.argv, order?.cpu, order?.memoryMb, order?.spot], [['echo', '1'], 300, 900, true])
    assert.deepEqual([order?.handover.nonce, order?.handover.attempt], [nonce, attempt])
    assert.equal(order?.env.SLUICE_TASK, 'LaunchedKept(n=1)')
    assert.match(order?.token ?? '', /^[0-9a-f]{32}$/)
  })

  it('that died between the claim and the launch launches when the message comes again, under the same token', async () => {
    const { world, launch, task } = await launching()
    world.answer = new Error('the process ended')
    await assert.rejects(launch())
    world.answer = { is: 'launched' }
    await launch()
    const [first, second] = world.orders
    assert.equal(first?.token, second?.token)
    assert.equal((await task()).attempt, 1)
  })

  it('launches nothing again once a keeper has taken over', async () => {
    const { world, launch, takeOver } = await launching()
    await launch()
    const [order] = world.orders
    assert.ok(order !== undefined && (await takeOver(order, 'keeper/1')))
    await launch()
    assert.equal(world.orders.length, 1)
  })

  it('hands over to one keeper alone', async () => {
    const { world, launch, takeOver, task } = await launching()
    await launch()
    const [order] = world.orders
    assert.ok(order)
    const claimed = await takeOver(order, 'keeper/1')
    assert.equal(claimed?.task.worker, 'keeper/1')
    assert.equal(await takeOver(order, 'keeper/2'), undefined)
    // A keeper whose answer was lost asks again.
    assert.equal((await takeOver(order, 'keeper/1'))?.nonce, order.handover.nonce)
    assert.equal((await task()).worker, 'keeper/1')
  })

  for (const [answer, outcome, status] of [
    [{ is: 'throttled', message: 'Rate exceeded' }, 'throttled', 'queued'],
    [{ is: 'no-capacity', message: 'no capacity' }, 'not_started', 'queued'],
    [{ is: 'refused', message: 'too long' }, 'failed', 'failed'],
  ] as const)
    it(`that is ${answer.is} ends the attempt as ${outcome}`, async () => {
      const { world, launch, task } = await launching()
      world.answer = answer
      await launch()
      const after = await task()
      assert.deepEqual([after.status, after.counts], [status, { [outcome]: 1 }])
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
      const { world, launch, task, stop, takeOver } = await launching()
      await launch()
      const [order] = world.orders
      assert.ok(order)
      if (outcome === 'lost') await takeOver(order, 'keeper/1')
      await stop(order, detail)
      const { status, counts } = await task()
      assert.deepEqual([status, counts], ['queued', { [outcome]: 1 }])
    })

  it('for an image that no registry has fail for good', async () => {
    const { world, launch, task, stop } = await launching()
    await launch()
    const reason =
      'CannotPullContainerError: pull image manifest has been retried 1 time(s): manifest unknown'
    await stop(world.orders[0] as LaunchOrder, { stopCode: 'TaskFailedToStart', stoppedReason: reason })
    const { status, failure } = await task()
    assert.equal(status, 'failed')
    assert.match(failure?.message ?? '', /its image cannot be pulled: CannotPullContainerError/)
  })

  it('for an attempt that is over, or another one, change nothing', async () => {
    const { world, launch, task, stop } = await launching()
    await launch()
    const order = world.orders[0] as LaunchOrder
    const detail = { stopCode: 'SpotInterruption', stoppedReason: 'Spot' }
    await stop(order, detail)
    const before = await task()
    await stop(order, detail)
    assert.deepEqual(await task(), before)
  })
})
