import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { makeEcsLauncher } from '../../src/adapters/ecs/launcher.ts'
import { makeEcsShells, stopOverdueShells } from '../../src/adapters/ecs/shells.ts'
import { startEcs } from '../support/ecs-server.ts'

const PLACE = { cluster: 'c', subnets: ['subnet-1'], securityGroups: ['sg-1'], publicIp: true }
const ORDER = {
  token: 'one',
  target: 'sluice-prod-default_0123456789abcdef_shell',
  of: { run: 'r-1', number: 3 },
  details: { argv: ['python', 'x.py'], env: { SLUICE_RUN: 'r-1' }, cpu: 512, memoryMb: 900, spot: true },
}
const arn = (id: string) => `arn:aws:ecs:eu-west-2:1:task/c/${id}`

async function shells(test: TestContext, answer: Parameters<typeof startEcs>[1]) {
  const { client, asked } = await startEcs(test, answer)
  return { shells: makeEcsShells(client, PLACE), client, asked }
}

describe('a shell on ECS', () => {
  it('is a task of its own definition that waits, lets people in, and names no attempt', async (test) => {
    const { shells: own, asked } = await shells(test, () => ({ tasks: [{ taskArn: arn('abc') }] }))
    assert.deepEqual(await own.open(ORDER), { is: 'opened', id: 'abc' })
    assert.deepEqual(asked, [
      [
        'RunTask',
        {
          clientToken: 'shell-one',
          startedBy: 'sluice-shell',
          taskDefinition: ORDER.target,
          overrides: {
            cpu: '512',
            memory: '2048',
            containerOverrides: [
              {
                name: 'keeper',
                environment: [{ name: 'SLUICE_SHELL', value: '{"run":"r-1","number":3}' }],
              },
              {
                name: 'program',
                environment: [{ name: 'SLUICE_RUN', value: 'r-1' }],
                memory: 900,
              },
            ],
          },
          enableExecuteCommand: true,
          cluster: 'c',
          // A person is not to be interrupted, whatever the pool says.
          capacityProviderStrategy: [{ capacityProvider: 'FARGATE', weight: 1 }],
          propagateTags: 'TASK_DEFINITION',
          networkConfiguration: {
            awsvpcConfiguration: {
              subnets: ['subnet-1'],
              securityGroups: ['sg-1'],
              assignPublicIp: 'ENABLED',
            },
          },
        },
      ],
    ])
  })

  it('is opened once under its token, also if the second request differs', async (test) => {
    const { shells: own } = await shells(test, () => ({
      __type: 'ConflictException',
      message: 'the token was used',
      resourceIds: [arn('first')],
    }))
    assert.deepEqual(await own.open(ORDER), { is: 'opened', id: 'first' })
  })

  it('says what ECS says if nothing was started', async (test) => {
    const { shells: none } = await shells(test, () => ({ failures: [{ reason: 'RESOURCE:MEMORY' }] }))
    assert.deepEqual(await none.open(ORDER), { is: 'refused', message: 'RESOURCE:MEMORY' })
    const { shells: long, asked } = await shells(test, () => ({}))
    const env = { LONG: 'x'.repeat(9_000) }
    const answer = await long.open({ ...ORDER, details: { ...ORDER.details, env } })
    assert.match(answer.is === 'refused' ? answer.message : '', /and ECS takes 8192/)
    assert.equal(asked.length, 0)
  })

  it('is ended, and nothing else is: not the task of an attempt, nor what is not there', async (test) => {
    const started: { [id: string]: string } = { abc: 'sluice-shell', attempt: '0f0f' }
    const { shells: own, asked } = await shells(test, (_, { tasks }) => {
      const [id = ''] = (tasks ?? []) as string[]
      return { tasks: id in started ? [{ taskArn: arn(id), startedBy: started[id] }] : [] }
    })
    assert.equal(await own.end('abc', 'over'), true)
    assert.equal(await own.end('attempt', 'over'), false)
    assert.equal(await own.end('nothing', 'over'), false)
    const stops = asked.filter(([action]) => action === 'StopTask')
    assert.deepEqual(stops, [['StopTask', { cluster: 'c', task: 'abc', reason: 'over' }]])
  })
})

describe('a sweep', () => {
  const now = Date.UTC(2026, 0, 31, 12)
  const since = (minutes: number) => (now - minutes * 60_000) / 1000
  const TASKS = [
    { taskArn: arn('new'), startedBy: 'sluice-shell', lastStatus: 'RUNNING', createdAt: since(70) },
    { taskArn: arn('old'), startedBy: 'sluice-shell', lastStatus: 'RUNNING', createdAt: since(76) },
    { taskArn: arn('over'), startedBy: 'sluice-shell', lastStatus: 'STOPPED', createdAt: since(90) },
    { taskArn: arn('attempt'), startedBy: '0f0f', lastStatus: 'RUNNING', createdAt: since(900) },
  ]

  it('stops the shells whose time is over, page by page, and no task of an attempt', async (test) => {
    const { client, asked } = await startEcs(test, (action, { nextToken }) => {
      if (action === 'ListTasks')
        return nextToken === undefined
          ? { taskArns: TASKS.map(({ taskArn }) => taskArn), nextToken: 'more' }
          : { taskArns: [] }
      return action === 'DescribeTasks' ? { tasks: TASKS } : {}
    })
    assert.equal(await stopOverdueShells(client, 'c', now), 1)
    assert.deepEqual(
      asked.map(([action, { startedBy, task }]) => [action, startedBy ?? task]),
      [
        ['ListTasks', 'sluice-shell'],
        ['DescribeTasks', undefined],
        ['StopTask', arn('old')],
        ['ListTasks', 'sluice-shell'],
      ],
    )
  })

  it('of attempts does not take a shell for one', async (test) => {
    const overrides = {
      containerOverrides: [
        { name: 'keeper', environment: [{ name: 'SLUICE_SHELL', value: '{"run":"r-1","number":3}' }] },
      ],
    }
    const { client } = await startEcs(test, (action) =>
      action === 'ListTasks' ? { taskArns: [arn('new')] } : { tasks: [{ ...TASKS[0], overrides }] },
    )
    const { jobs } = await makeEcsLauncher(client, PLACE).list()
    assert.deepEqual(jobs, [{ handle: arn('new') }])
  })
})
