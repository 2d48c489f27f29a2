import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { DescribeStacksCommand } from '@aws-sdk/client-cloudformation'
import { DescribeTasksCommand, RunTaskCommand, StopTaskCommand } from '@aws-sdk/client-ecs'
import { makeFreshContainerInput } from '../../src/cli/remote/shell.ts'
import {
  COMMAND_EVERY_MS,
  clients,
  invoke,
  json,
  messagesIn,
  resourceOf,
  sluice,
  targetOf,
  unique,
  until,
  whileTicking,
} from './deployed.ts'

/** Which containers the emulator does not start, and why. */
const OUTAGE = join(process.env.AWS_TEST_RUN ?? '', 'outage.json')

const tasksOf = async (run: string, family: string) =>
  (await json('status', run)).tasks.filter(({ task }: { task: string }) => task.startsWith(family))

const whenOver = (run: string, seconds = 180) =>
  until(
    seconds,
    `the end of ${run}`,
    async () => {
      const told = await json('status', run)
      return told.status === 'running' || told.status === 'planning' ? undefined : told
    },
    COMMAND_EVERY_MS,
  )

describe('containers', () => {
  it('follow each other as soon as one has ended: six tasks in two places, one task each', async () => {
    const run = await json('run', 'six', '--of', unique('six'))
    assert.equal(run.status, 'succeeded')
    const six: { worker: string; startedAt: number; endedAt: number }[] = await tasksOf(run.run, 'Alone')
    assert.equal(new Set(six.map(({ worker }) => worker)).size, 6)
    for (const { startedAt } of six) {
      const atOnce = six.filter((each) => each.startedAt <= startedAt && each.endedAt > startedAt)
      assert.ok(atOnce.length <= 2, JSON.stringify(six))
    }
    // Where nothing but the tick's minute brings the next two, it takes two minutes at least.
    const starts = six.map(({ startedAt }) => startedAt)
    assert.ok(Math.max(...starts) - Math.min(...starts) < 100_000, JSON.stringify(six))
  })

  it('that do not start are tried again later, and why says what is in the way', async () => {
    writeFileSync(
      OUTAGE,
      JSON.stringify({ 'sluice-test-patient': 'CannotPullContainerError: no such image' }),
    )
    try {
      const { run } = await json('run', 'patient', '--of', unique('outage'), '--seconds', '0', '--detach')
      const why = await until(60, 'the reason', async () => {
        const { reasons } = await json('why', run, '0')
        const text = JSON.stringify(reasons)
        return text.includes('no container of the pool patient starts') ? text : undefined
      })
      assert.match(why, /CannotPullContainerError: no such image/)
      // An audit that is asked for sends the message of the queued task again.
      const before = await messagesIn('SluiceQueuesPoolpatient')
      await invoke('tick', { audit: true })
      assert.deepEqual([before, await messagesIn('SluiceQueuesPoolpatient')], [1, 2])
      rmSync(OUTAGE)
      const told = await whileTicking(whenOver(run))
      assert.deepEqual([told.status, told.tasks[0].counts ?? {}], ['succeeded', {}])
    } finally {
      rmSync(OUTAGE, { force: true })
    }
  })

  it('of a shell take no place of their pool', async () => {
    const { Stacks = [] } = await clients.cloudformation.send(
      new DescribeStacksCommand({ StackName: 'sluice-test' }),
    )
    const outputs = Object.fromEntries(
      (Stacks[0]?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]),
    )
    const environment = { region: 'us-east-1', stack: 'sluice-test' }
    const deployment = { name: 'test', stack: 'sluice-test', environment, outputs } as never
    const { tasks = [] } = await clients.ecs.send(
      new RunTaskCommand(makeFreshContainerInput(deployment, 'single')),
    )
    const [shell] = tasks
    assert.equal(shell?.launchType, 'FARGATE')
    const cluster = await resourceOf('sluice-test', 'SluiceContainersCluster', 'AWS::ECS::Cluster')
    try {
      const run = await json('run', 'pair', '--of', unique('beside'))
      assert.equal(run.status, 'succeeded')
      const query = new DescribeTasksCommand({ cluster, tasks: [shell?.taskArn ?? ''] })
      const { tasks: still = [] } = await clients.ecs.send(query)
      assert.equal(still[0]?.lastStatus, 'RUNNING')
    } finally {
      await clients.ecs.send(new StopTaskCommand({ cluster, task: shell?.taskArn }))
    }
  })

  it('give each task a fresh folder, which is gone after it', async () => {
    const of = unique('litter')
    const run = await json('run', 'litter', '--of', of, '--n', '2')
    assert.equal(run.status, 'succeeded', JSON.stringify(run.failed))
    const tasks = await tasksOf(run.run, 'Litter')
    assert.equal(new Set(tasks.map(({ worker }: { worker: string }) => worker)).size, 1)
    const written = await Promise.all([0, 1, 2].map((n) => targetOf(`litter/${of}-${n}.json`)))
    assert.equal(new Set(written.map(({ cwd }) => cwd)).size, 3, JSON.stringify(written))
    assert.ok(written.every(({ cwd, tmp, found, left }) => cwd === tmp && found.length + left.length === 0))
  })

  it('of older code than the deployed one end before their next task', async () => {
    const old = await json('run', 'patient', '--of', unique('old'), '--seconds', '100', '--detach')
    await until(60, 'the body', async () =>
      (await json('status', old.run)).counts.running ? true : undefined,
    )
    const deployed = await sluice(
      ['deploy', '--code', '--env', 'test', '--architecture', 'x86_64', '--yes'],
      { build: 'other-code' },
    )
    assert.equal(deployed.code, 0, deployed.stderr)
    assert.ok((await json('status', old.run)).counts.running, 'the deployment took longer than the body')
    const { run } = await json('run', 'patient', '--of', unique('new'), '--seconds', '0', '--detach')
    const [first, second] = [await whenOver(old.run), await whenOver(run)]
    assert.deepEqual([first.status, second.status], ['succeeded', 'succeeded'])
    const [before, after] = [first.tasks[0], second.tasks[0]]
    assert.notEqual(before.worker, after.worker)
    assert.notEqual(before.code, after.code)
    assert.deepEqual(after.counts ?? {}, {})
  })
})

describe('bodies on Lambda', () => {
  it('that end their process have failed, by the policy', async () => {
    const told = await json('run', 'exits', '--of', unique('exits'))
    assert.equal(told.status, 'failed')
    assert.match(told.failed[0].message, /exited with code 7/)
    assert.deepEqual((await tasksOf(told.run, 'Exits'))[0].counts, { failed: 2 })
  })

  it('whose function is killed are lost when their lease has ended, and run again', async () => {
    const told = await whileTicking(json('run', 'kills', '--of', unique('kills')))
    assert.equal(told.status, 'succeeded', JSON.stringify(told.failed))
    assert.deepEqual((await tasksOf(told.run, 'Kills'))[0].counts, { lost: 1 })
  })

  it('that fill their memory have run out of it, and get more', async () => {
    const told = await json('run', 'hungry-here', '--of', unique('hungry'), '--mb', '150')
    assert.equal(told.status, 'succeeded')
    assert.deepEqual((await tasksOf(told.run, 'HungryHere'))[0].counts, { out_of_memory: 1 })
  })
})

describe('secrets', () => {
  it('that no task uses are refused with what to do', async () => {
    const ended = await sluice(['secrets', 'set', 'none/such', '--env', 'test'], { input: 'x\n' })
    assert.equal(ended.code, 2, ended.stderr)
    assert.match(ended.stderr, /No task of this deployment uses a secret none\/such/)
  })
})
