import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { StopTaskCommand } from '@aws-sdk/client-ecs'
import { GetQueueAttributesCommand, SendMessageCommand } from '@aws-sdk/client-sqs'
import { keys } from '../../src/core/keys.ts'
import {
  COMMAND_EVERY_MS,
  clients,
  containersOf,
  endOf,
  engine,
  invoke,
  json,
  messagesIn,
  resourceOf,
  sluice,
  startInConsole,
  unique,
  until,
  whileTicking,
} from './deployed.ts'

/** A run whose only task runs in a container now. */
async function runningSlow(of: string, seconds: number): Promise<string> {
  const { run } = await json('run', 'slow', '--of', of, '--seconds', String(seconds), '--detach')
  await until(40, 'the body', async () => ((await json('status', run)).counts.running ? true : undefined))
  return run
}

const taskOf = async (run: string) => (await json('status', run)).tasks[0]
const whenOver = (run: string) =>
  until(
    120,
    `the end of ${run}`,
    async () => {
      const told = await json('status', run)
      return told.status === 'running' ? undefined : told
    },
    COMMAND_EVERY_MS,
  )

describe('containers', () => {
  it('that are killed lose their attempt alone: the next one makes it, without using up a retry', async () => {
    const run = await runningSlow(unique('killed'), 8)
    const names = execFileSync(engine, ['ps', '--format', '{{.ID}} {{.Image}} {{.Names}}'])
      .toString()
      .trim()
      .split('\n')
    const ids = names.filter((line) => line.includes('ministack-ecs')).map((line) => line.split(' ')[0] ?? '')
    assert.ok(ids.length > 0)
    for (const id of ids) execFileSync(engine, ['kill', '--signal', 'KILL', id])
    const told = await whileTicking(whenOver(run))
    assert.equal(told.status, 'succeeded')
    assert.deepEqual(told.tasks[0].counts, { lost: 1 })
  })

  it('that are stopped hand their task back as interrupted', async () => {
    const run = await runningSlow(unique('stopped'), 8)
    const cluster = await resourceOf('sluice-test', 'SluiceContainersCluster', 'AWS::ECS::Cluster')
    const { worker } = await taskOf(run)
    const task = (await containersOf('heavy')).find((arn) => arn.endsWith(worker.replace('fargate/', '')))
    await clients.ecs.send(new StopTaskCommand({ cluster, task }))
    const told = await whileTicking(whenOver(run))
    assert.equal(told.status, 'succeeded')
    assert.deepEqual(Object.keys(told.tasks[0].counts), ['interrupted'])
  })

  it('go on while the deployment is replaced', async () => {
    const run = await runningSlow(unique('replaced'), 12)
    const deployed = await sluice(['deploy', '--code', '--env', 'test', '--architecture', 'x86_64', '--yes'])
    assert.equal(deployed.code, 0, deployed.stderr)
    const told = await whileTicking(whenOver(run))
    assert.deepEqual([told.status, told.tasks[0].counts], ['succeeded', {}])
  })

  it('tell what an attempt took, and with which code', async () => {
    const { run } = await json('run', 'slow', '--of', unique('measured'), '--seconds', '0')
    const task = await taskOf(run)
    assert.ok(task.peakMemoryBytes > 10_000_000 && task.cpuSeconds > 0, JSON.stringify(task))
    assert.match(task.code, /^[0-9a-f]{16}$/)
  })

  it('recognise that memory ran out, and give the next attempt more', async () => {
    const told = await whileTicking(json('run', 'hungry', '--of', unique('hungry'), '--mb', '150'))
    assert.equal(told.status, 'succeeded')
    const task = await taskOf(told.run)
    assert.deepEqual(task.counts, { out_of_memory: 1 })
    assert.ok(task.memoryMb > 96)
  })

  it('run one task each where the pool says so', async () => {
    const told = await json('run', 'pair', '--of', unique('pair'))
    assert.equal(told.status, 'succeeded')
    const { tasks } = await json('status', told.run)
    const workers = tasks
      .filter(({ pool }: { pool: string }) => pool === 'single')
      .map(({ worker }: { worker: string }) => worker)
    assert.equal(new Set(workers).size, 2, JSON.stringify(workers))
  })
})

describe('messages', () => {
  it('that are not ours end among the dead letters', async () => {
    const QueueUrl = await resourceOf('sluice-test', 'SluiceQueuesPooldefault', 'AWS::SQS::Queue')
    await clients.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'who goes there?' }))
    const dead = await until(60, 'the dead letter', async () => {
      const count = await messagesIn('SluiceQueuesPooldefaultDeadLetters')
      return count > 0 ? count : undefined
    }).catch((error: Error) => error)
    assert.equal(dead, 1)
  })

  it('about records that could not be handled are taken by the tick, and removed', async () => {
    const QueueUrl = await resourceOf('sluice-test', 'SluiceQueuesRepair', 'AWS::SQS::Queue')
    const MessageBody = JSON.stringify({ key: keys.run('forgotten-0123456789abcdef-1') })
    await clients.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }))
    await invoke('tick')
    const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const
    const { Attributes } = await clients.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...names] }),
    )
    assert.deepEqual(
      names.map((name) => Attributes?.[name]),
      ['0', '0'],
    )
  })
})

describe('functions that die between any two effects, messages that come twice, and throttling of every client', () => {
  const FAULTS = 'sluice-faults'
  const DEATHS = join(tmpdir(), 'sluice-test-deaths')
  const THROTTLED = join(tmpdir(), 'sluice-test-throttled')
  before(async () => {
    for (const file of [DEATHS, THROTTLED]) rmSync(file, { force: true })
    const ended = await sluice(
      ['deploy', '--env', 'faults', '--architecture', 'x86_64', '--yes', '--config', 'faults.config.ts'],
      { build: 'faults' },
    )
    assert.equal(ended.code, 0, ended.stderr)
  })

  it('lose nothing: every task comes to its end, and so does every execution', {
    timeout: 600_000,
  }, async () => {
    const wide = await startInConsole('wide', { of: unique('faults'), size: 25 }, FAULTS)
    const layered = await startInConsole('layered', { of: unique('faults'), layers: 3, width: 4 }, FAULTS)
    const ends = await whileTicking(Promise.all([endOf(wide, 300), endOf(layered, 300)]), FAULTS)
    assert.deepEqual(
      ends.map(({ status, cause }) => cause ?? status),
      ['SUCCEEDED', 'SUCCEEDED'],
    )
    const counts = ends.map(({ output }) => JSON.parse(output ?? '').tasks)
    const total = counts.map((each) => (each.succeeded ?? 0) + (each.complete ?? 0))
    assert.deepEqual(total, [26, 13])
    const deaths = readFileSync(DEATHS, 'utf8').trim().split('\n')
    assert.ok(deaths.length > 1, `${deaths.length} functions died`)
    const throttled = readFileSync(THROTTLED, 'utf8')
    // Few requests go to queues since workers hand on, so chance may spare those.
    for (const service of ['DynamoDB_', 'plans/'])
      assert.ok(throttled.includes(service), `${service} was never throttled`)
  })
})
