import assert from 'node:assert/strict'
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, before, describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CreateClusterCommand, RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs'
import { SendMessageCommand } from '@aws-sdk/client-sqs'
import { makeEcsLauncher } from '../../src/adapters/ecs/launcher.ts'
import type { LaunchOrder } from '../../src/core/ports/launching.ts'
import type { ProgramDetails } from '../../src/core/program.ts'
import { launchingSuite } from '../conformance/launching.suite.ts'
import { clients, invoke, resourceOf, unique, until } from './deployed.ts'
import {
  countStarted,
  deployPrograms,
  findCluster,
  json,
  killContainers,
  runScript,
  STACK,
  sluice,
  startScript,
  taskOf,
  whenOver,
} from './programs.ts'

const { ecs } = clients

/** What goes wrong with requests and events of ECS, as the emulator is told it. */
const FAULTS = join(process.env.AWS_TEST_RUN ?? '', 'ecs-faults.json')
const setFaults = (faults: {
  run?: ('throttled' | 'no capacity' | 'cut before' | 'cut after')[]
  events?: 'lost' | 'twice' | 'late'
}) => writeFileSync(FAULTS, JSON.stringify(faults))

/** A family of task definitions whose keeper is a shell that does this. */
async function defineKeeper(family: string, script: string): Promise<string> {
  const container = { image: 'registry.test/busybox:1', essential: false, command: ['sleep', '100'] }
  await ecs.send(
    new RegisterTaskDefinitionCommand({
      family,
      requiresCompatibilities: ['FARGATE'],
      networkMode: 'awsvpc',
      cpu: '512',
      memory: '1024',
      containerDefinitions: [
        { ...container, name: 'keeper', essential: true, command: ['sh', '-c', script] },
        { ...container, name: 'program' },
      ],
    }),
  )
  return family
}

const SCRIPTS = {
  stays: 'trap "exit 143" TERM; sleep 100 & wait',
  'exits well': 'sleep 1',
  'exits 3': 'sleep 1; exit 3',
}
const DETAILS: ProgramDetails = { env: {}, cpu: 256, memoryMb: 256, spot: false }

function placeIn(cluster: string) {
  return { cluster, subnets: ['subnet-1'], securityGroups: ['sg-1'], publicIp: true }
}

async function makeLauncher(test: TestContext) {
  const cluster = unique('launching')
  await ecs.send(
    new CreateClusterCommand({ clusterName: cluster, capacityProviders: ['FARGATE', 'FARGATE_SPOT'] }),
  )
  for (const [job, script] of Object.entries(SCRIPTS)) await defineKeeper(familyOf(job), script)
  const launcher = makeEcsLauncher(ecs, placeIn(cluster))
  test.after(async () => {
    for (const { handle } of (await launcher.list()).jobs) await launcher.stop(handle, 'the test is over')
  })
  const order = (token: string, job: string): LaunchOrder<ProgramDetails> => ({
    handover: { run: 'r-1', number: 0, attempt: 1, token },
    target: familyOf(job),
    details: DETAILS,
  })
  return {
    launcher,
    order,
    invalid: (token: string) => order(token, 'nowhere'),
    pass: () => sleep(300),
  }
}

const familyOf = (job: string) => `suite-${job.replace(' ', '-')}`

launchingSuite('ecs', makeLauncher)

before(async () => {
  await deployPrograms()
  const set = await sluice(['secrets', 'set', 'program/key'], { input: 'a-key\n' })
  assert.equal(set.code, 0, set.stderr)
})
afterEach(() => rmSync(FAULTS, { force: true }))

/** The first attempt lasts until it is killed; the next one need not. */
const FIRST_SLEEPS = '[ "$SLUICE_ATTEMPT" != 1 ] || sleep 8'
const ECHO = 'echo done > "$SLUICE_OUTPUT"'

describe('events of stopped programs', { timeout: 240_000 }, () => {
  for (const [events, script] of [
    ['lost', FIRST_SLEEPS],
    ['twice', FIRST_SLEEPS],
    // The event comes while the next attempt runs.
    ['late', '[ "$SLUICE_ATTEMPT" = 1 ] && sleep 8 || sleep 15'],
  ] as const)
    it(`that are ${events} end one attempt once`, async () => {
      setFaults({ events })
      const id = await startScript(unique(events), `${script}; ${ECHO}`)
      killContainers('keeper')
      const told = await whenOver(id)
      assert.equal(told.status, 'succeeded', JSON.stringify(told))
      assert.deepEqual(told.tasks[0].counts, { lost: 1 })
      assert.equal(await countStarted(id), 2)
    })
})

describe('a launch', { timeout: 240_000 }, () => {
  for (const cut of ['cut before', 'cut after'] as const)
    it(`that is ${cut} ECS has answered launches one program`, async () => {
      setFaults({ run: [cut] })
      const told = await runScript(unique('cut'), `sleep 2; ${ECHO}`)
      assert.equal(told.status, 'succeeded', JSON.stringify(told))
      assert.deepEqual((await taskOf(told.run, 'Script')).counts, {})
      assert.equal(await countStarted(told.run), 1)
    })

  it('that is throttled is tried again, and no attempt is used up', async () => {
    setFaults({ run: ['throttled', 'throttled'] })
    const told = await runScript(unique('throttled'), ECHO)
    assert.equal(told.status, 'succeeded', JSON.stringify(told))
    const { counts, attempt } = await taskOf(told.run, 'Script')
    assert.deepEqual([counts, attempt], [{}, 1])
    assert.equal(await countStarted(told.run), 1)
  })

  it('without capacity waits, says so, and is tried again', async () => {
    // On spare capacity first, then at the usual price.
    setFaults({ run: ['no capacity', 'no capacity'] })
    const { run: id } = await json('run', 'script', '--of', unique('capacity'), '--script', ECHO, '--detach')
    const waiting = await until(30, 'the wait', async () => {
      const task = await taskOf(id, 'Script')
      return task.status === 'waiting' ? task : undefined
    })
    assert.deepEqual([waiting.waitsFor, waiting.counts], ['capacity', {}])
    const { stdout } = await sluice(['why', id, '0'])
    assert.match(stdout, /there was no capacity for its job .*Capacity is unavailable/)
    const told = await whenOver(id)
    assert.equal(told.status, 'succeeded', JSON.stringify(told))
    assert.deepEqual(told.tasks[0].counts, {})
  })
})

describe('an ECS task that no attempt owns', { timeout: 120_000 }, () => {
  it('is stopped by the sweep of an audit', async () => {
    const launcher = makeEcsLauncher(ecs, placeIn(await findCluster()))
    const answer = await launcher.launch({
      handover: { run: 'no-such-run', number: 0, attempt: 1, token: unique('orphan') },
      target: await defineKeeper('orphan', SCRIPTS.stays),
      details: DETAILS,
    })
    assert.ok(answer.is === 'launched', JSON.stringify(answer))
    await invoke('tick', { audit: true }, STACK)
    const ended = await until(60, 'its stop', async () => {
      const [state] = await launcher.look([answer.handle])
      return state?.end
    })
    assert.equal(ended.cause, 'cancelled')
    assert.match(ended.message, /no attempt owns it/)
  })
})

describe('launchers that die after the intent, and before the handle is written', {
  timeout: 240_000,
}, () => {
  const DEATHS = join(tmpdir(), 'sluice-test-launcher-deaths')

  it('leave a launch to the next one, which launches nothing twice', async () => {
    rmSync(DEATHS, { recursive: true, force: true })
    await deployPrograms('dying-launchers')
    const script = `sleep 3; ${ECHO}`
    const { run: id } = await json('run', 'script', '--of', unique('dying'), '--script', script, '--detach')
    const over = whenOver(id)
    // The message of a function that died comes again after minutes; here it is sent again each time.
    const QueueUrl = await resourceOf(STACK, 'SluiceQueuesPoolsmallprograms', 'AWS::SQS::Queue')
    const MessageBody = JSON.stringify({ run: id, number: 0, attempt: 1 })
    let looks = 0
    await until(150, 'both deaths', async () => {
      if (existsSync(DEATHS) && readdirSync(DEATHS).length === 2) return true
      if (++looks % 20 === 0) await clients.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }))
      return undefined
    })
    const told = await over
    assert.equal(told.status, 'succeeded', JSON.stringify(told))
    assert.deepEqual(told.tasks[0].counts, {})
    assert.equal(await countStarted(id), 1)
  })
})
