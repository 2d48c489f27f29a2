import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { makeFargateWorkers } from '../../src/adapters/ecs/workers.ts'
import { startEcs } from '../support/ecs-server.ts'

type Answer = (action: string, body: Record<string, unknown>) => object

/** Workers over an ECS that answers so. */
async function workersOf(test: TestContext, answer: Answer) {
  const { client, asked } = await startEcs(test, answer)
  const place = { cluster: 'c', subnets: ['subnet-1'], securityGroups: ['sg-1'], publicIp: true }
  return { workers: makeFargateWorkers(client, place), asked }
}

const AT = Date.UTC(2026, 0, 31) / 1000

describe('containers of a pool', () => {
  it('are those that run or start, and what became of those that are named; not those of a shell', async (test) => {
    const tasks = [
      { taskArn: 'starting', lastStatus: 'PENDING', desiredStatus: 'RUNNING' },
      { taskArn: 'running', lastStatus: 'RUNNING', desiredStatus: 'RUNNING', startedAt: AT },
      {
        taskArn: 'shell',
        lastStatus: 'RUNNING',
        desiredStatus: 'RUNNING',
        startedAt: AT,
        startedBy: 'sluice-shell',
      },
      {
        taskArn: 'no-image',
        lastStatus: 'STOPPED',
        stopCode: 'TaskFailedToStart',
        stoppedReason: 'CannotPullContainerError: not found',
      },
      { taskArn: 'spot', lastStatus: 'STOPPED', stopCode: 'SpotInterruption' },
      ended('crashed', 3, 1),
      ended('ended', 3, 0),
      ended('crashed-late', 600, 1),
    ]
    const { workers, asked } = await workersOf(test, (action) =>
      action === 'ListTasks' ? { taskArns: ['starting', 'running', 'shell'] } : { tasks },
    )
    const seen = await workers.look('f', ['no-image', 'running'])
    assert.deepEqual(asked[1]?.[1].tasks, ['starting', 'running', 'shell', 'no-image'])
    const told = seen.map(({ arn, status, failure }) => [arn, status, failure])
    assert.deepEqual(told, [
      ['starting', 'starting', undefined],
      ['running', 'running', undefined],
      ['no-image', 'stopped', 'CannotPullContainerError: not found'],
      ['spot', 'stopped', undefined],
      ['crashed', 'stopped', 'Essential container in task exited; exit code 1'],
      ['ended', 'stopped', undefined],
      ['crashed-late', 'stopped', 'Essential container in task exited; exit code 1'],
    ])
  })

  it('start on spare capacity first, each time with Fargate by its name; what is in the way is told', async (test) => {
    const { workers, asked } = await workersOf(test, (_, { count, capacityProviderStrategy }) => {
      const [{ capacityProvider } = { capacityProvider: '' }] = capacityProviderStrategy as {
        capacityProvider: string
      }[]
      const started = capacityProvider === 'FARGATE_SPOT' ? 0 : Math.min(count as number, 1)
      return {
        tasks: Array.from({ length: started }, () => ({ taskArn: 'one' })),
        failures: [{ reason: 'Capacity is unavailable at this time' }],
      }
    })
    const launched = await workers.launch('f', { count: 2, spot: true })
    assert.deepEqual(launched, { arns: ['one'], problem: 'Capacity is unavailable at this time' })
    assert.deepEqual(
      asked.map(([, { count, capacityProviderStrategy }]) => [count, capacityProviderStrategy]),
      [
        [2, [{ capacityProvider: 'FARGATE_SPOT', weight: 1 }]],
        [2, [{ capacityProvider: 'FARGATE', weight: 1 }]],
      ],
    )
  })

  it('that may not be started, or not so many at once, are a reason and no error', async (test) => {
    const { workers } = await workersOf(test, () => ({
      __type: 'InvalidParameterException',
      message: 'Error while checking the role: Rate exceeded',
    }))
    const launched = await workers.launch('f', { count: 2, spot: false })
    const problem = 'Error while checking the role: Rate exceeded'
    assert.deepEqual(launched, { arns: [], problem, isThrottled: true })
  })
})

const ended = (taskArn: string, seconds: number, exitCode: number) => ({
  taskArn,
  lastStatus: 'STOPPED',
  startedAt: AT,
  stoppedAt: AT + seconds,
  stopCode: 'EssentialContainerExited',
  stoppedReason: 'Essential container in task exited',
  containers: [{ exitCode }],
})
