import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { ECSClient } from '@aws-sdk/client-ecs'
import { toJobNews, toJobState } from '../../src/adapters/ecs/job-state.ts'
import { makeEcsLauncher } from '../../src/adapters/ecs/launcher.ts'
import type { LaunchOrder } from '../../src/core/ports/launching.ts'
import type { ProgramDetails } from '../../src/core/program.ts'

interface Answer {
  status?: number
  body: object
}

const fail = (type: string, message: string, more: object = {}): Answer => ({
  status: 400,
  body: { __type: type, message, ...more },
})

const NO_CAPACITY = fail('ClientException', 'Capacity is unavailable at this time. Please try again later.')

/** A launcher whose ECS gives these answers to RunTask, the last one again and again; and what it was asked. */
async function answering(test: TestContext, ...answers: Answer[]) {
  const asked: { action: string; body: { [name: string]: unknown } }[] = []
  const server = createServer(async (request, response) => {
    const action = String(request.headers['x-amz-target']).split('.')[1] ?? ''
    asked.push({ action, body: JSON.parse((await Array.fromAsync(request)).join('')) })
    const { status = 200, body } = (answers.length > 1 ? answers.shift() : answers[0]) ?? { body: {} }
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = new ECSClient({
    region: 'eu-west-2',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  })
  test.after(() => {
    client.destroy()
    server.close()
  })
  const place = { cluster: 'c', subnets: ['subnet-1'], securityGroups: ['sg-1'], publicIp: true }
  return { launcher: makeEcsLauncher(client, place), asked }
}

const order = (details: Partial<ProgramDetails> = {}): LaunchOrder<ProgramDetails> => ({
  handover: { run: 'r-1', number: 0, attempt: 1, token: 't1' },
  target: 'family',
  details: { env: {}, cpu: 256, memoryMb: 512, spot: false, ...details },
})

describe('launches on ECS', () => {
  for (const [is, answer] of [
    ['throttled', fail('ThrottlingException', 'Rate exceeded')],
    ['throttled', fail('InvalidParameterException', 'Rate exceeded.')],
    ['throttled', fail('ClientException', 'Too many requests: slow down')],
    ['throttled', fail('RequestLimitExceeded', 'Request limit exceeded.')],
    ['no_capacity', NO_CAPACITY],
    ['no_capacity', fail('LimitExceededException', "You've reached the limit on the number of tasks")],
    ['no_capacity', { body: { tasks: [], failures: [{ reason: 'RESOURCE:CPU' }] } }],
    ['invalid', fail('ClientException', 'Unable to find task definition: family')],
    ['invalid', fail('InvalidParameterException', 'The specified capacity provider was not found')],
    ['launched', { body: { tasks: [{ taskArn: 'arn:task/1' }] } }],
  ] as const)
    it(`are ${is} if ECS says ${JSON.stringify(answer.body)}`, async (test) => {
      const { launcher } = await answering(test, answer)
      assert.equal((await launcher.launch(order())).is, is)
    })

  it('that ECS cannot answer are an error, so that the message comes again', async (test) => {
    const { launcher } = await answering(test, { status: 500, body: { __type: 'ServerException' } })
    await assert.rejects(launcher.launch(order()))
  })

  it('that are too long for ECS are refused with what to do', async (test) => {
    const { launcher, asked } = await answering(test, { body: {} })
    const answer = await launcher.launch(order({ env: { LONG: 'x'.repeat(9_000) } }))
    assert.ok(answer.is === 'invalid' && /let the program read what is long/.test(answer.message))
    assert.equal(asked.length, 0)
  })

  it('go to spare capacity first, and to the usual price without it, under tokens of their own', async (test) => {
    const started: Answer = { body: { tasks: [{ taskArn: 'arn:task/1' }] } }
    const { launcher, asked } = await answering(test, NO_CAPACITY, started)
    assert.deepEqual(await launcher.launch(order({ spot: true })), { is: 'launched', handle: 'arn:task/1' })
    assert.deepEqual(
      asked.map(({ body }) => [body.clientToken, body.startedBy]),
      [
        ['t1-spare', 't1'],
        ['t1-usual', 't1'],
      ],
    )
  })

  it('that were answered before return the same task, told by ECS or found by the token', async (test) => {
    const told = await answering(test, fail('ConflictException', 'in use', { resourceIds: ['arn:task/1'] }))
    assert.deepEqual(await told.launcher.launch(order()), { is: 'launched', handle: 'arn:task/1' })
    const found = await answering(test, fail('ConflictException', 'in use'), {
      body: { taskArns: ['arn:task/2'] },
    })
    assert.deepEqual(await found.launcher.launch(order()), { is: 'launched', handle: 'arn:task/2' })
    assert.deepEqual(
      found.asked.map(({ action }) => action),
      ['RunTask', 'ListTasks'],
    )
  })
})

describe('looks at ECS', () => {
  it('know nothing of a task that ECS has forgotten, nor of a cluster that is gone', async (test) => {
    const { launcher } = await answering(
      test,
      { body: { tasks: [{ taskArn: 'b', lastStatus: 'RUNNING' }], failures: [{ arn: 'a' }] } },
      fail('ClusterNotFoundException', 'Cluster not found.'),
    )
    assert.deepEqual(await launcher.look(['a', 'b']), [undefined, { is: 'running', times: {} }])
    assert.deepEqual(await launcher.look(['a', 'b']), [undefined, undefined])
  })

  it('stop a task that has gone without an error', async (test) => {
    const { launcher } = await answering(
      test,
      fail('InvalidParameterException', 'The referenced task was not found.'),
    )
    await launcher.stop('a', 'because')
  })

  it('tell where a task stands by its status and what has begun', () => {
    const at = '2026-01-01T00:00:01.000Z'
    const instant = Date.parse(at)
    for (const [task, is] of [
      [{ lastStatus: 'PROVISIONING' }, 'queued'],
      [{ lastStatus: 'PENDING', pullStartedAt: at }, 'pulling'],
      [{ lastStatus: 'PENDING', pullStartedAt: at, pullStoppedAt: new Date(at) }, 'starting'],
      [{ lastStatus: 'RUNNING', startedAt: at }, 'running'],
      // Containers run until it has stopped.
      [{ lastStatus: 'DEPROVISIONING' }, 'running'],
    ] as const)
      assert.equal(toJobState(task).is, is)
    const state = toJobState({ lastStatus: 'PENDING', pullStartedAt: at, pullStoppedAt: new Date(at) })
    assert.deepEqual(state.times, { pullingAt: instant, startingAt: instant })
  })

  it('tell why a task has stopped, and take no news of other containers', () => {
    const causeOf = (stopCode: string, stoppedReason = '') =>
      toJobState({ lastStatus: 'STOPPED', stopCode, stoppedReason }).end?.cause
    assert.equal(causeOf('TaskFailedToStart', 'Capacity is unavailable at this time'), 'no_capacity')
    assert.equal(causeOf('TaskFailedToStart', 'ResourceInitializationError'), 'never_started')
    assert.equal(causeOf('TaskFailedToStart', 'CannotPullContainerError: not found'), 'invalid')
    assert.equal(causeOf('SpotInterruption'), 'spot')
    assert.equal(causeOf('UserInitiated'), 'cancelled')
    assert.equal(causeOf('ServiceSchedulerInitiated'), 'lost')
    for (const value of [undefined, 'no JSON', '{"run":1}'])
      assert.equal(
        toJobNews({
          taskArn: 'arn:task/1',
          overrides: {
            containerOverrides: [
              { environment: [{ name: 'SLUICE_HANDOVER', ...(value !== undefined && { value }) }] },
            ],
          },
        }),
        undefined,
      )
  })
})
