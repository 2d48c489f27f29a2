import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { toJobNews } from '../../src/adapters/ecs/job-state.ts'
import { makeCheckedRequest } from '../../src/control/requests.ts'
import { keys } from '../../src/core/keys.ts'
import { NO_LIMITS } from '../../src/core/limits.ts'
import type { Delivery, FeedEvent } from '../../src/core/ports/deciding.ts'
import { advanceFeed } from '../../src/engine/advance.ts'
import { cancelRun } from '../../src/engine/cancel.ts'
import { claimAttempt } from '../../src/engine/claim.ts'
import { makeAdvanceHandler, makeRepairHandler } from '../../src/homes/aws/handlers/advance.ts'
import { makeJobEventsHandler } from '../../src/homes/aws/handlers/job-events.ts'
import { makeLambdaWorkerHandler } from '../../src/homes/aws/handlers/lambda-worker.ts'
import { makePlanHandler } from '../../src/homes/aws/handlers/plan.ts'
import { makeScheduleHandler } from '../../src/homes/aws/handlers/schedule.ts'
import { joinOrStartExecution } from '../../src/homes/aws/handlers/start-run.ts'
import { makeTickHandler } from '../../src/homes/aws/handlers/tick.ts'
import { cron, pipeline, secret, type TaskInstance, task, text } from '../../src/index.ts'
import { memoryDeployment } from './deployment.ts'

const Root = task(
  'HandlerRoot',
  { params: { n: z.int() }, output: ({ n }) => text(`${n}.txt`) },
  async ({ output }) => output.write(''),
)
const Looping = task(
  'HandlerLoop',
  { params: {}, requires: (): TaskInstance[] => loops(), output: () => text('loop.txt') },
  async ({ output }) => output.write(''),
)
function loops(): TaskInstance[] {
  return [Looping({})]
}
const Loud = task('HandlerLoud', { params: { text: z.string().transform((each) => `${each}!`) } }, () => null)
const loud = pipeline('loud', Loud)
const numbered = pipeline('numbered', Root)
const looping = pipeline('looping', Looping)

const execution = (name: string, input: unknown, machine = 'numbered') => ({
  token: `token-${name}`,
  execution: `arn:${machine}:${name}`,
  name,
  pipeline: machine,
  input,
})

describe('plan', () => {
  it('opens a run for an input, and answers the execution when it has ended', async () => {
    const { home, project, executions, told, settle } = memoryDeployment([numbered])
    await makePlanHandler(home, project, executions)(execution('a', { n: 1 }))
    assert.equal(told.size, 0)
    await settle()
    const { output } = told.get('token-a') as { output: { status: string; tasks: object } }
    assert.deepEqual([output.status, output.tasks], ['succeeded', { succeeded: 1 }])
  })

  it('refuses a run whose tasks need a secret that is not set, and opens it once it is', async () => {
    const Needing = task(
      'HandlerNeeding',
      { secrets: { key: secret('mag/key') }, output: () => text('needing.txt') },
      async ({ output }) => output.write(''),
    )
    const needing = pipeline('needing', Needing)
    const { home, project, executions, told, secrets, settle } = memoryDeployment([needing])
    const plan = makePlanHandler(home, project, executions)
    await plan(execution('a', {}, 'needing'))
    const refused = told.get('token-a')
    assert.equal(refused?.error, 'unknown_secret')
    assert.match(
      refused?.cause ?? '',
      /^Nothing was started\.\n- there is no secret mag\/key, which HandlerNeeding needs; set it with: sluice secrets set mag\/key --env prod/,
    )
    secrets.add('mag/key')
    await plan(execution('b', {}, 'needing'))
    await settle()
    const { output } = told.get('token-b') as { output: { status: string } }
    assert.equal(output.status, 'succeeded')
  })

  it('answers at once where the run that it joins has ended before its token was kept', async () => {
    const { home, context, project, executions, told, settle, runOf } = memoryDeployment([numbered])
    const plan = makePlanHandler(home, project, executions)
    await plan(execution('a', { n: 1 }))
    const [{ key } = { key: '' }] = await context.ports.store.list({ prefix: 'run/', consistency: 'strong' })
    const { write } = context.ports.store
    // The run ends between the opening and the note of the token.
    context.ports.store.write = async (changes) => {
      if (changes.some((change) => change.key === keys.execution('numbered:b'))) {
        context.ports.store.write = write
        await settle()
      }
      return write(changes)
    }
    await plan(execution('b', { n: 1 }))
    assert.equal((await runOf(key.slice('run/'.length)))?.status, 'succeeded')
    assert.ok(told.get('token-b')?.output)
  })

  it('answers executions of one name on two machines, each by its own token', async () => {
    const other = pipeline('others', Root)
    const { home, project, executions, told, settle } = memoryDeployment([numbered, other])
    const plan = makePlanHandler(home, project, executions)
    await plan({ ...execution('same', { n: 1 }), token: 'one' })
    await plan({ ...execution('same', { n: 2 }, 'others'), token: 'two' })
    await settle()
    assert.deepEqual([...told.keys()].sort(), ['one', 'two'])
  })

  it('says what is wrong with an input', async () => {
    const { home, project, executions, told } = memoryDeployment([numbered])
    const plan = makePlanHandler(home, project, executions)
    await plan(execution('text', 'n=1'))
    assert.match(told.get('token-text')?.cause ?? '', /an object of parameters/)
    await plan(execution('type', { n: 'one' }))
    assert.equal(told.get('token-type')?.error, 'invalid_parameter')
    await plan(execution('order', { n: 1, $sluice: { forec: true } }))
    assert.match(told.get('token-order')?.cause ?? '', /\$sluice is wrong.*forec/s)
  })

  it('ends the run that was opened for it where it cannot be planned', async () => {
    const { home, project, executions, told, started, runOf } = memoryDeployment([looping])
    const asked = makeCheckedRequest({ name: 'looping', definition: looping.root }, {})
    const order = { asked, pipeline: 'looping', order: {} }
    const { run } = await joinOrStartExecution(home, executions, 'arn:sluice-', order)
    assert.deepEqual(started, [
      { machine: 'arn:sluice-looping', name: run, input: { $sluice: { parsed: true } } },
    ])
    await makePlanHandler(home, project, executions)(execution(run, {}, 'looping'))
    assert.equal(told.get(`token-${run}`)?.error, 'invalid_plan')
    const ended = await runOf(run)
    assert.equal(ended?.status, 'failed')
    assert.match(ended?.failure?.message ?? '', /require each other/)
  })

  for (const when of ['before', 'while'] as const)
    it(`leaves a run cancelled that was cancelled ${when} its planner began`, async () => {
      const { home, context, project, executions, told, started, settle } = memoryDeployment([numbered])
      const asked = makeCheckedRequest({ name: 'numbered', definition: numbered.root }, { n: 1 })
      const order = { asked, pipeline: 'numbered', order: {} }
      const { run } = await joinOrStartExecution(home, executions, 'arn:sluice-', order)
      const cancel = async () => {
        const [reserved] = await context.ports.store.read([keys.run(run)])
        assert.ok(reserved && (await cancelRun(context, reserved)))
      }
      const { write } = context.ports.store
      if (when === 'before') await cancel()
      else
        context.ports.store.write = async (changes) => {
          context.ports.store.write = write
          await cancel()
          return write(changes)
        }
      await makePlanHandler(home, project, executions)(execution(run, started[0]?.input))
      await settle()
      const runs = await context.ports.store.list({ prefix: 'run/', consistency: 'strong' })
      assert.deepEqual(
        runs.map(({ record }) => record.kind === 'run' && [record.id, record.status]),
        [[run, 'cancelled']],
      )
      assert.equal(told.get(`token-${run}`)?.error, 'Cancelled')
    })

  it('parses parameters once, also where their schema would change them again', async () => {
    const { home, project, executions, started, settle, runOf } = memoryDeployment([loud])
    const asked = makeCheckedRequest({ name: 'loud', definition: loud.root }, { text: 'a' })
    const { run } = await joinOrStartExecution(home, executions, 'arn:sluice-', {
      asked,
      pipeline: 'loud',
      order: {},
    })
    await makePlanHandler(home, project, executions)(execution(run, started[0]?.input, 'loud'))
    await settle()
    const { params, status } = (await runOf(run)) ?? {}
    assert.deepEqual([params, status], [{ text: 'a!' }, 'succeeded'])
    // What is typed into the console has not been parsed.
    await makePlanHandler(home, project, executions)(execution('typed', { text: 'b' }, 'loud'))
    const runs = await home.context.ports.store.list({ prefix: 'run/', consistency: 'strong' })
    assert.ok(runs.some(({ record }) => record.kind === 'run' && record.params.text === 'b!'))
  })

  it('is started again where the start was cut off before its execution', async () => {
    const { home, executions, started } = memoryDeployment([numbered])
    const asked = makeCheckedRequest({ name: 'numbered', definition: numbered.root }, { n: 7 })
    const order = { asked, pipeline: 'numbered', order: {} }
    const cut = { start: async () => Promise.reject(new Error('cut off')) }
    await assert.rejects(joinOrStartExecution(home, cut, 'arn:sluice-', order), /cut off/)
    const { run, opened } = await joinOrStartExecution(home, executions, 'arn:sluice-', order)
    assert.equal(opened, false)
    assert.deepEqual(
      started.map(({ name }) => name),
      [run],
    )
  })
})

describe('job events', () => {
  const aborted = (name: string) => ({
    source: 'aws.states',
    detail: { executionArn: `arn:numbered:${name}`, name, status: 'ABORTED' },
  })

  const wake = async () => {}

  it('lose what a container ran that has stopped, and wake the launcher of its family', async () => {
    const { home } = memoryDeployment([numbered])
    const woken: string[] = []
    const hear = makeJobEventsHandler({
      home,
      toNews: toJobNews,
      wake: async (family) => void woken.push(family),
    })
    const detail = {
      taskArn: 'arn:aws:ecs:eu-west-2:1:task/cluster/abc',
      taskDefinitionArn: 'arn:aws:ecs:eu-west-2:1:task-definition/sluice-prod-heavy:12',
    }
    await hear({ source: 'aws.ecs', detail: { ...detail, lastStatus: 'STOPPED' } })
    assert.deepEqual(woken, ['sluice-prod-heavy'])
  })

  it('tell the launcher of a container that crashed without a task', async () => {
    const { home, context, project, executions } = memoryDeployment([numbered])
    const crashes: unknown[] = []
    const hear = makeJobEventsHandler({
      home,
      toNews: toJobNews,
      wake: async (_, crash) => void crashes.push(crash),
    })
    const stopped = (id: string, exitCode: number, stopCode = 'EssentialContainerExited') =>
      hear({
        source: 'aws.ecs',
        detail: {
          taskArn: `arn:aws:ecs:eu-west-2:1:task/cluster/${id}`,
          taskDefinitionArn: 'arn:aws:ecs:eu-west-2:1:task-definition/sluice-prod-heavy:12',
          lastStatus: 'STOPPED',
          stopCode,
          stoppedReason: 'Essential container in task exited',
          startedAt: '2026-03-01T10:00:00.000Z',
          stoppingAt: '2026-03-01T10:01:30.000Z',
          containers: [{ exitCode }],
        },
      })
    await stopped('idle', 0)
    await stopped('spot', 143, 'SpotInterruption')
    await stopped('crashed', 1)
    await makePlanHandler(home, project, executions)(execution('a', { n: 1 }))
    while ((await advanceFeed(context)) > 0);
    const [delivery] = await context.ports.queue.take({
      pools: { default: 1 },
      limit: 1,
      visibilityMs: 1_000,
    })
    const settings = { ...context.settings, worker: 'fargate/busy' }
    assert.equal((await claimAttempt({ ...context, settings }, (delivery as Delivery).message)).is, 'ours')
    await stopped('busy', 137)
    assert.deepEqual(crashes, [
      undefined,
      undefined,
      {
        arn: 'arn:aws:ecs:eu-west-2:1:task/cluster/crashed',
        ranMs: 90_000,
        reason: 'Essential container in task exited; exit code 1',
      },
      undefined,
    ])
  })

  it('cancel a run whose last execution was stopped, not before', async () => {
    const { home, context, project, executions, runOf } = memoryDeployment([numbered])
    const plan = makePlanHandler(home, project, executions)
    await plan(execution('a', { n: 1 }))
    await plan(execution('b', { n: 1 }))
    const [{ key } = { key: '' }] = await context.ports.store.list({ prefix: 'run/', consistency: 'strong' })
    const run = key.slice('run/'.length)
    const hear = makeJobEventsHandler({ home, toNews: toJobNews, wake })
    await hear(aborted('a'))
    assert.equal((await runOf(run))?.cancelledAt, undefined)
    await hear(aborted('b'))
    assert.notEqual((await runOf(run))?.cancelledAt, undefined)
  })

  it('cancel a run whose only execution was stopped before it had a run', async () => {
    const { home, context, project, executions } = memoryDeployment([numbered])
    await makeJobEventsHandler({ home, toNews: toJobNews, wake })(aborted('early'))
    await makePlanHandler(home, project, executions)(execution('early', { n: 1 }))
    const [{ record } = { record: undefined }] = await context.ports.store.list({
      prefix: 'run/',
      consistency: 'strong',
    })
    assert.notEqual((record as { cancelledAt?: number }).cancelledAt, undefined)
  })
})

describe('schedules of a deployment', () => {
  it('begin with their first look, and start every interval that has ended since', async () => {
    let now = Date.parse('2026-03-01T00:00:30Z')
    const minutes = pipeline('minutes', Root, {
      schedule: cron('* * * * *', { maxActiveRuns: 10 }),
      params: ({ start }) => ({ n: new Date(start).getUTCMinutes() }),
    })
    const { home, project, executions, started } = memoryDeployment([minutes], () => now)
    const look = makeScheduleHandler(home, project, executions, 'arn:sluice-')
    await look({})
    assert.equal(started.length, 0)
    now = Date.parse('2026-03-01T00:03:10Z')
    await look({ pipeline: 'minutes' })
    await look({})
    assert.deepEqual(
      started.map(({ input }) => (input as { n: number }).n),
      [0, 1, 2],
    )
    const [start, end] = ['2026-03-01T00:00:00Z', '2026-03-01T00:01:00Z'].map((each) => Date.parse(each))
    assert.deepEqual(started[0]?.input, { n: 0, $sluice: { interval: { start, end }, parsed: true } })
  })
})

describe('advance', () => {
  it('sets a record aside that cannot be handled, and handles the others', async () => {
    const { home, context, project, executions } = memoryDeployment([numbered])
    await makePlanHandler(home, project, executions)(execution('a', { n: 1 }))
    const aside: string[] = []
    const ended: string[] = []
    const handle = makeAdvanceHandler({
      home,
      answers: executions,
      repair: async (keys) => void aside.push(...keys),
      onRunEnd: ({ id }) => ended.push(id),
      wake: async () => {},
    })
    const { read } = context.ports.store
    context.ports.store.read = async (wanted) => {
      if (wanted.includes('lock/bad')) throw new Error('cannot be read')
      return read(wanted)
    }
    const events: FeedEvent[] = [...(await context.ports.feed.take(10)), { sequence: 99, key: 'lock/bad' }]
    await handle(events)
    assert.deepEqual(aside, ['lock/bad'])
    const queued = await context.ports.queue.take({ pools: { default: 10 }, limit: 10, visibilityMs: 1_000 })
    assert.equal(queued.length + (await context.ports.feed.take(10)).length > 0, true)
  })
})

describe('a tick', () => {
  it('repairs a record that went aside, and brings what is due also where the queue of these does not answer', async () => {
    const { home, context, project, executions, told } = memoryDeployment([numbered])
    await makePlanHandler(home, project, executions)(execution('a', { n: 1 }))
    const repairOne = makeRepairHandler({ home, answers: executions })
    const wakes: string[] = []
    const tickWith = (repair: () => Promise<void>) =>
      makeTickHandler({
        home,
        repair,
        pools: [],
        services: {},
        wake: async () => void wakes.push('woken'),
        keep: () => {},
      })({})
    // The run, then its task.
    for (let times = 0; times < 2; times++)
      await tickWith(async () => {
        const events = await context.ports.feed.take(10)
        for (const { key } of events) await repairOne(key)
        await context.ports.feed.acknowledge(events)
      })
    const queued = await context.ports.queue.take({ pools: { default: 10 }, limit: 10, visibilityMs: 1_000 })
    assert.equal(queued.length, 1)
    await assert.rejects(
      tickWith(() => Promise.reject(new Error('SQS does not answer'))),
      /SQS does not answer/,
    )
    assert.equal(wakes.length, 3)
    assert.equal(told.size, 0)
    const [run] = await context.ports.store.list({ prefix: 'run/', consistency: 'strong' })
    assert.ok(run?.record.kind === 'run')
    await context.ports.store.write([
      { key: keys.run(run.record.id), set: { status: 'succeeded', endedAt: context.ports.clock.now() } },
    ])
    await tickWith(() => repairOne(keys.run(run.key.slice('run/'.length))))
    assert.ok(told.get('token-a'))
  })
})

describe('a worker on Lambda', () => {
  it('gives no body more time than the function has', async () => {
    const { home, context, project, executions } = memoryDeployment([numbered])
    await makePlanHandler(home, project, executions)(execution('a', { n: 1 }))
    while ((await advanceFeed(context)) > 0);
    const timeouts: (number | undefined)[] = []
    context.ports.runner.run = async ({ task }) => {
      timeouts.push(task.policy.timeoutMs)
      return { outcome: 'succeeded' }
    }
    const deliveries = await context.ports.queue.take({
      pools: { default: 1 },
      limit: 1,
      visibilityMs: 1_000,
    })
    await makeLambdaWorkerHandler(home)(deliveries, 60_000)
    assert.equal(timeouts.length, 1)
    assert.ok((timeouts[0] ?? 0) > 45_000 && (timeouts[0] ?? 0) <= 50_000, `${timeouts[0]}`)
  })
})

describe('a worker on Lambda that hands on', () => {
  const handOn = { forMs: 30_000, mayRun: () => true }
  const First = task('HandlerFirst', { output: () => text('first.txt') }, async () => {})
  const timed = (name: string, timeoutSeconds?: number) => {
    const Second = task(
      `HandlerSecond${name}`,
      {
        requires: () => First({}),
        output: () => text(`second${name}.txt`),
        ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
      },
      async () => {},
    )
    return pipeline(`second${name}`, Second)
  }

  /** What becomes of the second task, whose body takes all the time that it gets, and how much that was. */
  async function handedOn(name: string, timeoutSeconds?: number) {
    const deployed = memoryDeployment([timed(name, timeoutSeconds)])
    const { home, context, project, executions } = deployed
    await makePlanHandler(home, project, executions)(execution(name, {}, `second${name}`))
    while ((await advanceFeed(context)) > 0);
    const timeouts: (number | undefined)[] = []
    context.ports.runner.run = async ({ task: { family, policy } }) => {
      timeouts.push(policy.timeoutMs)
      return { outcome: family === 'HandlerFirst' ? 'succeeded' : 'timed_out' }
    }
    const query = { pools: { default: 1 }, limit: 1, visibilityMs: 1_000 }
    await makeLambdaWorkerHandler(home, { handOn })(await context.ports.queue.take(query), 60_000)
    const tasks = await context.ports.store.list({ prefix: 'task/', consistency: 'strong' })
    const [second] = tasks.flatMap(({ record }) =>
      record.kind === 'taskRun' && record.number === 0 ? [record] : [],
    )
    return { second, timeouts }
  }

  it('interrupts what the rest of its time was too short for, which does not count', async () => {
    const { second, timeouts } = await handedOn('Long')
    assert.equal(timeouts.length, 2)
    assert.ok((timeouts[1] ?? 0) <= 50_000, `${timeouts[1]}`)
    assert.deepEqual(
      [second?.status, second?.attempt, second?.failure?.outcome],
      ['queued', 2, 'interrupted'],
    )
    assert.match(second?.failure?.message ?? '', /had no time left; it begins again in one of its own/)
  })

  it('times out what had a time of its own', async () => {
    const { second } = await handedOn('Short', 20)
    assert.deepEqual([second?.attempt, second?.counts], [2, { timed_out: 1 }])
  })

  it('leaves what may take longer than the rest of its time to another function', async () => {
    const { second, timeouts } = await handedOn('Longer', 600)
    assert.equal(timeouts.length, 1)
    assert.deepEqual([second?.status, second?.attempt], ['queued', 1])
  })
})

describe('tick', () => {
  it('keeps how budgets stand, and once an hour and on request how long the oldest run has been open', async () => {
    let now = Date.parse('2026-03-01T00:16:00Z')
    const { home, context, project, executions } = memoryDeployment([numbered], () => now)
    context.settings.limits = { ...NO_LIMITS, budgets: { api: { limit: 10, per: 'day', timeZone: 'UTC' } } }
    await makePlanHandler(home, project, executions)(execution('a', { n: 1 }))
    const kept: object[] = []
    const tick = makeTickHandler({
      home,
      repair: async () => {},
      pools: [],
      services: {},
      wake: async () => {},
      keep: (measures) => kept.push(measures),
    })
    await tick({})
    await tick({ audit: true })
    now += 61 * 60_000
    await tick({})
    assert.deepEqual(kept, [
      { budgets: { api: 0 }, failedLaunches: 0 },
      { budgets: { api: 0 }, failedLaunches: 0, oldestRunHours: 0, repaired: 0 },
      { budgets: { api: 0 }, failedLaunches: 0, oldestRunHours: 61 / 60, repaired: 0 },
    ])
  })
})
