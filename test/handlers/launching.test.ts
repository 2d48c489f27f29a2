import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import { keys } from '../../src/core/keys.ts'
import { type Container, makeLaunchRecord } from '../../src/core/launch.ts'
import type { Crash, Launches } from '../../src/core/records/deployment.ts'
import type { Run } from '../../src/core/records/run.ts'
import type { TaskRun } from '../../src/core/records/task-run.ts'
import { advanceFeed } from '../../src/engine/advance.ts'
import { explainWaitingTask } from '../../src/engine/why.ts'
import { makeLaunchHandler } from '../../src/homes/aws/handlers/launch-workers.ts'
import { measureFailedLaunches } from '../../src/homes/aws/handlers/measures.ts'
import { makePlanHandler } from '../../src/homes/aws/handlers/plan.ts'
import { pipeline, task, text } from '../../src/index.ts'
import { memoryDeployment } from './deployment.ts'

const Root = task(
  'LaunchingRoot',
  { params: { n: z.int() }, output: ({ n }) => text(`${n}.txt`) },
  async ({ output }) => output.write(''),
)
const numbered = pipeline('numbered', Root)

describe('launching workers', () => {
  /** A platform whose containers the test starts, ends and breaks. */
  function platform({ messages = 0, most = 5, now = 1_000_000 } = {}) {
    const { home, context } = memoryDeployment([numbered], () => world.now)
    const world = {
      messages,
      now,
      problem: undefined as string | undefined,
      isThrottled: undefined as true | undefined,
      sleeps: [] as number[],
      troubles: 0,
      containers: [] as Container[],
      counts: [] as number[],
      meanwhile: async () => {},
    }
    const launch = makeLaunchHandler({
      context: {
        ports: {
          ...context.ports,
          clock: {
            ...context.ports.clock,
            async sleep(ms) {
              world.sleeps.push(ms)
            },
          },
        },
        onLaunchTrouble: () => world.troubles++,
      },
      pools: { heavy: { family: 'f', most, spot: true } },
      backlog: async () => world.messages,
      look: async (_, named) =>
        world.containers.filter(({ arn, status }) => status !== 'stopped' || named.includes(arn)),
      launch: async (_, { count }) => {
        world.counts.push(count)
        await world.meanwhile()
        const { problem, isThrottled } = world
        if (problem !== undefined) return { arns: [], problem, ...(isThrottled ? { isThrottled } : {}) }
        const arns = Array.from({ length: count }, (_, n) => `arn:${world.containers.length + n}`)
        world.containers.push(...arns.map((arn) => ({ arn, status: 'starting' as const })))
        return { arns }
      },
    })
    const set = (change: Partial<Container>) => {
      world.containers = world.containers.map((each) => ({ ...each, ...change }))
    }
    const row = async () => (await context.ports.store.read([keys.launches('heavy')]))[0] as Launches
    return {
      home,
      context,
      world,
      set,
      row,
      launch: (crash?: Crash) => launch({ pool: 'heavy', ...(crash && { crash }) }),
    }
  }

  it('keeps to the rate of the account, which programs share', async () => {
    const { world, launch, context } = platform({ messages: 30, most: 30 })
    await launch()
    // Half of them at once, and a second for each 15 more.
    assert.deepEqual([world.counts, world.sleeps], [[30], [1_000]])
    const [governor] = await context.ports.store.read([keys.governor()])
    assert.equal(governor?.tokens, -15)
    world.containers = []
    world.messages = 300
    await launch()
    assert.deepEqual(
      [world.counts, world.sleeps],
      [
        [30, 30],
        [1_000, 3_000],
      ],
    )
    // Its turn is too far away: the next tick comes for it.
    await context.ports.store.write([{ key: keys.governor(), set: { tokens: -300 } }])
    world.containers = []
    await launch()
    assert.deepEqual(world.counts, [30, 30])
  })

  it('slows all launches of the account down when ECS throttles, and blames no container', async () => {
    const { world, launch, context, row } = platform({ messages: 3 })
    Object.assign(world, { problem: 'Rate exceeded', isThrottled: true })
    await launch()
    const [governor] = await context.ports.store.read([keys.governor()])
    assert.deepEqual([governor?.rate, world.troubles], [7.5, 1])
    assert.equal((await row()).failures, 0)
  })

  it('takes one for each message that nobody has taken, less those that start, up to the size of the pool', async () => {
    const launched = async (messages: number, statuses: Container['status'][], most = 5) => {
      const { world, launch } = platform({ messages, most })
      world.containers = statuses.map((status, n) => ({ arn: `arn:${n}`, status }))
      await launch()
      return world.counts
    }
    assert.deepEqual(await launched(0, []), [])
    assert.deepEqual(await launched(3, []), [3])
    assert.deepEqual(await launched(3, ['starting', 'starting']), [1])
    assert.deepEqual(await launched(2, ['starting', 'starting']), [])
    assert.deepEqual(await launched(1, ['running', 'running']), [1])
    assert.deepEqual(await launched(100, ['running', 'running']), [3])
    assert.deepEqual(await launched(100, ['running', 'running', 'starting', 'starting', 'starting']), [])
    assert.deepEqual(await launched(1_000, [], 1_000), [100])
  })

  it('is done by one at a time: who comes meanwhile has it look once more', async () => {
    const { world, launch } = platform({ messages: 2, most: 3 })
    let second: unknown
    world.meanwhile = async () => {
      world.meanwhile = async () => {}
      world.messages = 3
      second = await launch()
    }
    assert.deepEqual(await launch(), { heavy: 3 })
    assert.deepEqual([second, world.counts], [{ heavy: 0 }, [2, 1]])
  })

  it('is taken over from a launcher that has died', async () => {
    const { world, launch } = platform({ messages: 2 })
    world.meanwhile = () => new Promise(() => {})
    void launch()
    await setImmediate()
    world.meanwhile = async () => {}
    assert.deepEqual(await launch(), { heavy: 0 })
    world.now += 91_000
    assert.deepEqual(await launch(), { heavy: 2 })
  })

  it('is delayed where containers do not start, longer each time, then tried with a single one', async () => {
    const { world, set, row, launch } = platform({ messages: 4 })
    await launch()
    set({ status: 'stopped', failure: 'CannotPullContainerError: not found' })
    await launch()
    assert.deepEqual(world.counts, [4])
    assert.equal((await row()).failures, 1)
    const delays: number[] = []
    for (let failures = 1; failures < 12; failures++) {
      delays.push(((await row()).notBefore ?? 0) - world.now)
      world.now = (await row()).notBefore ?? 0
      await launch()
      set({ status: 'stopped', failure: 'CannotPullContainerError: not found' })
      await launch()
    }
    assert.deepEqual(world.counts, [4, ...Array(11).fill(1)])
    assert.ok(delays.every((delay, n) => n === 0 || delay >= (delays[n - 1] as number) / 2))
    assert.equal(Math.max(...delays), 15 * 60_000)
    assert.match((await row()).reason ?? '', /CannotPull/)
  })

  it('goes on with as many as are needed when one has worked for a minute, or has ended well', async () => {
    for (const proof of [{ status: 'running' }, { status: 'stopped' }] as const) {
      const { world, set, row, launch } = platform({ messages: 4 })
      world.problem = 'Capacity is unavailable at this time'
      await launch()
      world.problem = undefined
      world.now += 60_000
      await launch()
      set({ ...proof, startedAt: world.now })
      assert.deepEqual(world.counts, [4, 1])
      if (proof.status === 'running') {
        await launch()
        assert.deepEqual(world.counts, [4, 1])
        world.now += 60_000
      }
      await launch()
      assert.deepEqual(world.counts.slice(0, 3), [4, 1, 4])
      assert.deepEqual([(await row()).failures, (await row()).reason], [0, undefined])
    }
  })

  it('is delayed, longer each time, where containers crash without a task after more than a minute', async () => {
    const { world, row, launch } = platform({ messages: 1 })
    const crashAfter = async (ranMs: number) => {
      const last = world.containers.length - 1
      const startedAt = world.now
      const { arn } = world.containers[last] as Container
      world.containers[last] = { arn, status: 'running', startedAt }
      world.now += 61_000
      world.messages = 0
      await launch()
      world.messages = 1
      const stoppedAt = startedAt + ranMs
      world.now = stoppedAt
      world.containers[last] = { arn, status: 'stopped', startedAt, stoppedAt, failure: 'exit code 1' }
      // An event may come twice.
      for (let times = 0; times < 2; times++) await launch({ arn, ranMs, reason: 'exit code 1' })
    }
    await launch()
    const delays: number[] = []
    for (let crashes = 1; crashes <= 8; crashes++) {
      await crashAfter(90_000)
      assert.equal((await row()).failures, crashes)
      assert.equal(world.containers.length, crashes, 'none before its time')
      delays.push(((await row()).notBefore ?? 0) - world.now)
      world.now = (await row()).notBefore ?? 0
      await launch()
    }
    assert.ok((delays.at(-1) ?? 0) >= 7 * 60_000, `${delays}`)
    assert.equal((await row()).reason, 'exit code 1')
    // One that runs for longer than those that crashed has proved itself.
    world.containers[world.containers.length - 1] = { arn: 'arn:8', status: 'running', startedAt: world.now }
    world.now += 181_000
    await launch()
    assert.deepEqual([(await row()).failures, (await row()).proveMs], [0, undefined])
  })

  it('keeps a crash that is told while another launcher is at work', async () => {
    const { world, row, launch } = platform({ messages: 1 })
    world.meanwhile = async () => {
      world.meanwhile = async () => {}
      await launch({ arn: 'arn:old', ranMs: 90_000, reason: 'exit code 1' })
    }
    await launch()
    assert.deepEqual([(await row()).failures, (await row()).crash], [1, undefined])
  })

  it('tells a queued task why no container starts, and the alarm how often', async () => {
    const { home, context, project, executions } = memoryDeployment([numbered])
    await makePlanHandler(
      home,
      project,
      executions,
    )({
      token: 't',
      execution: 'arn:numbered:a',
      name: 'a',
      pipeline: 'numbered',
      input: { n: 1 },
    })
    await advanceFeed(context)
    const [listed] = await context.ports.store.list({ prefix: keys.run(''), consistency: 'strong' })
    const run = listed?.record as Run
    const task = (await context.ports.store.read([keys.taskRun(run.id, 0)]))[0] as TaskRun
    assert.equal(task.status, 'queued')
    const put = {
      ...makeLaunchRecord('default'),
      failures: 3,
      reason: 'RESOURCE:ENI',
      notBefore: Date.now() + 60_000,
    }
    await context.ports.store.write([{ key: keys.launches('default'), put }])
    const [reason] = await explainWaitingTask(context, run, task)
    assert.match(
      reason?.text ?? '',
      /no container of the pool default starts \(3 times in a row\): RESOURCE:ENI/,
    )
    assert.equal(reason?.until, put.notBefore)
    assert.equal(await measureFailedLaunches(home, ['default', 'other']), 3)
  })
})
