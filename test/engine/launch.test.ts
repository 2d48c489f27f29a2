import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keys } from '../../src/core/keys.ts'
import { launchDelivery } from '../../src/engine/launch.ts'
import { lookAtDueJobs, sweepUnownedJobs } from '../../src/engine/launch-looks.ts'
import { takeLaunch } from '../../src/engine/launch-rate.ts'
import { takeOverAttempt } from '../../src/engine/take-over.ts'
import { tickDueRecords } from '../../src/engine/tick.ts'
import { explainWaitingTask } from '../../src/engine/why.ts'
import { FakeLauncher } from '../support/fake-launcher.ts'
import { foundTask, stepwise } from '../support/stepwise.ts'
import { simulateLaunches } from './launch-world.ts'

const SEEDS = 150
const LAUNCH_MS = 120_000
const PLACE = { service: 'told', target: 'job' }

/** One task whose message has not been taken, and a service for its job. */
async function launching() {
  const engine = stepwise()
  const context = {
    ...engine.context,
    launching: { startMs: LAUNCH_MS, lookMs: 15_000, placeOf: (_: { id: string }) => PLACE },
  }
  const launcher = new FakeLauncher(() => engine.clock.now())
  const parts = {
    launcher,
    governor: { most: 10, least: 1, burst: 10 },
    makeDetails: () => ({ details: {} }),
    isMade: async () => true,
  }
  const run = await engine.open('p')
  const deliverAll = async () => {
    const query = { limit: 1, visibilityMs: 1_000, pools: { default: 1 } }
    const deliveries = await context.ports.queue.take(query)
    for (const delivery of deliveries) await launchDelivery(context, { told: parts }, delivery)
    await engine.settle()
    return deliveries.length
  }
  const why = async () => {
    const reasons = await explainWaitingTask(context, await engine.run(run), await engine.task(run))
    return reasons.map(({ text }) => text).join('; ')
  }
  const deliver = async () => assert.equal(await deliverAll(), 1)
  return { ...engine, context, launcher, parts, id: run, deliver, deliverAll, why }
}

describe('jobs elsewhere', () => {
  it(`live as they should in ${SEEDS} worlds with crashes, lost news, throttling and cancels`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++)
      assert.deepEqual(await simulateLaunches(seed), [], `seed ${seed}`)
  })

  it('are swept if no attempt owns them, and left alone if one does', async () => {
    const { context, launcher, parts, deliver, id } = await launching()
    await deliver()
    const token = 'unowned'
    const handover = { run: id, number: 0, attempt: 1, token }
    await launcher.launch({ handover, target: 'job', details: {} })
    assert.equal(await sweepUnownedJobs(context, parts.launcher), 1)
    assert.deepEqual(
      launcher.open.map(({ handle }) => handle),
      ['job-000001'],
    )
  })

  it('are launched when their turn has come, whatever was promised to others since', async () => {
    const { context, clock, launcher, parts, deliver, id, task, why } = await launching()
    const slow = { most: 1, least: 1, burst: 1 }
    parts.governor = slow
    await takeLaunch(context, slow)
    await deliver()
    const { launchAt = 0, deadline } = (await task(id)).launch ?? { deadline: 0 }
    assert.deepEqual([launcher.open.length, launchAt - clock.steady()], [0, 1_000])
    assert.match(await why(), /waits for its turn among the launches of the account/)
    // The time until it has to be alive counts from then.
    assert.equal(deadline, launchAt + LAUNCH_MS)
    await takeLaunch(context, slow)
    clock.advance(1_000)
    await deliver()
    assert.equal(launcher.open.length, 1)
    assert.equal(await why(), 'its job is launched, as attempt 1, and starts')
  })

  it('are not lost by their lease alone', async () => {
    const { context, clock, deliver, id, task } = await launching()
    await deliver()
    clock.advance(LAUNCH_MS + context.settings.skewMs)
    const tick = { ...context, settings: { ...context.settings, worker: 'tick' } }
    await tickDueRecords(tick)
    assert.equal((await task(id)).status, 'running')
    // A deployment without containers has nothing to look with.
    const { launching: _, ...without } = tick
    await tickDueRecords(without)
    assert.deepEqual((await task(id)).counts, { lost: 1 })
  })

  it('wait for a place at their service as long as it takes, and have their time to start after that', async () => {
    const { context, clock, launcher, parts, deliver, id, task } = await launching()
    launcher.behaviour.first = 'waiting'
    await deliver()
    const look = () => lookAtDueJobs(context, { told: parts })
    for (let minute = 0; minute < 60; minute++) {
      clock.advance(60_000)
      await look()
    }
    // Also where no look has come for longer than a job has to start.
    clock.advance(LAUNCH_MS + 60_000)
    await look()
    assert.equal(launcher.open[0]?.isStopAsked, false)
    launcher.move('job-000001', 'starting')
    clock.advance(60_000)
    await look()
    assert.equal(launcher.open[0]?.isStopAsked, false)
    assert.equal((await task(id)).status, 'running')
    clock.advance(61_000)
    await look()
    assert.equal((await task(id)).launch?.stopping, 'not_started')
  })

  it('are given up by their lease if the deployment no longer has their service', async () => {
    const { context, clock, deliver, id, task } = await launching()
    await deliver()
    await lookAtDueJobs(context, {})
    assert.equal((await task(id)).status, 'running')
    clock.advance(LAUNCH_MS + context.settings.skewMs)
    await lookAtDueJobs(context, {})
    assert.deepEqual((await task(id)).counts, { lost: 1 })
  })

  it('are looked at although another service does not answer', async () => {
    const { context, clock, launcher, parts, id, task, openPlan } = await launching()
    await openPlan('other', [foundTask('other')])
    const { placeOf } = context.launching
    context.launching.placeOf = (planned) =>
      planned.id === 'other' ? { service: 'silent', target: 'job' } : placeOf(planned)
    const silent = new FakeLauncher(() => clock.now())
    const services = { told: parts, silent: { ...parts, launcher: silent } }
    for (let messages = 0; messages < 2; messages++) {
      const [delivery] = await context.ports.queue.take({
        limit: 1,
        visibilityMs: 1_000,
        pools: { default: 1 },
      })
      assert.ok(delivery)
      await launchDelivery(context, services, delivery)
    }
    silent.look = () => Promise.reject(new Error('it does not answer'))
    const mute = Object.assign(Object.create(launcher), {
      look: () => Promise.reject(new Error('nor this one')),
    })
    clock.advance(15_000)
    // What one service says does not hide what the other says.
    await assert.rejects(
      lookAtDueJobs(context, { told: { ...parts, launcher: mute }, silent: services.silent }),
      (error: Error) => /does not answer/.test(error.message) && /nor this one/.test(error.message),
    )
    launcher.end('job-000001', { cause: 'succeeded', message: 'done' })
    clock.advance(15_000)
    await assert.rejects(
      lookAtDueJobs(context, { silent: services.silent, told: services.told }),
      /does not answer/,
    )
    assert.equal((await task(id)).status, 'succeeded')
  })

  it('take three writes to be launched, and two to be taken over and looked at', async () => {
    const { context, clock, launcher, parts, deliver, id, task } = await launching()
    const { store } = context.ports
    const requests = { reads: 0, writes: 0 }
    context.ports.store = {
      ...store,
      read: (keys) => {
        requests.reads++
        return store.read(keys)
      },
      write: (changes) => {
        requests.writes++
        return store.write(changes)
      },
    }
    await deliver()
    // The claim with the intent, the governor, the handle.
    assert.deepEqual(requests, { reads: 4, writes: 3 })
    const { launch } = await task(id)
    const handover = { run: id, number: 0, attempt: 1, token: launch?.token ?? '' }
    const keeper = { ...context, settings: { ...context.settings, worker: 'keeper/1', leaseMs: LAUNCH_MS } }
    Object.assign(requests, { reads: 0, writes: 0 })
    await takeOverAttempt(keeper, handover, { handle: launcher.open[0]?.handle ?? '' })
    assert.deepEqual(requests, { reads: 1, writes: 1 })
    clock.advance(60_000)
    Object.assign(requests, { reads: 0, writes: 0 })
    await lookAtDueJobs(context, { told: { launcher: parts.launcher } })
    assert.deepEqual(requests, { reads: 1, writes: 1 })
  })

  it('are launched a hundred at once in eight seconds, each with one question to the governor', async () => {
    const { context, clock, launcher, parts, openPlan } = await launching()
    parts.governor = { most: 10, least: 1, burst: 30 }
    const names = Array.from({ length: 100 }, (_, number) => `t${number}`)
    await openPlan('many', [
      foundTask('root', {}, { requires: names, upstreams: names }),
      ...names.map((name) => foundTask(name)),
    ])
    const { store } = context.ports
    let questions = 0
    context.ports.store = {
      ...store,
      write(changes) {
        if (changes[0]?.key === keys.governor()) questions++
        return store.write(changes)
      },
    }
    for (let second = 0; second <= 8; second++) {
      // One message is that of the run that each of these tests has.
      const deliveries = await context.ports.queue.take({
        limit: 200,
        visibilityMs: 1,
        pools: { default: 200 },
      })
      for (const delivery of deliveries) await launchDelivery(context, { told: parts }, delivery)
      assert.ok(launcher.jobs.size <= 30 + 10 * second)
      clock.advance(1_000)
    }
    assert.equal(launcher.jobs.size, 101)
    assert.equal(questions, 101)
  })

  it('are found by their token if the launcher died, also after the deadline', async () => {
    const { context, clock, launcher, parts, deliver, id, task } = await launching()
    const { launch } = launcher
    launcher.launch = async (order) => {
      await launch.call(launcher, order)
      throw new Error('cut')
    }
    await assert.rejects(deliver(), /cut/)
    clock.advance(LAUNCH_MS + context.settings.skewMs)
    await lookAtDueJobs(context, { told: parts })
    assert.equal((await task(id)).launch?.handle, 'job-000001')
    assert.equal((await task(id)).status, 'running')
  })

  it('are found by the next launcher before it asks for a turn, if the service has no tokens of its own', async () => {
    const { context, clock, launcher, parts, deliver, deliverAll, id, task } = await launching()
    launcher.behaviour.hasTokens = false
    const { launch } = launcher
    launcher.launch = async (order) => {
      await launch.call(launcher, order)
      throw new Error('cut')
    }
    await assert.rejects(deliver(), /cut/)
    launcher.launch = launch
    parts.governor = { most: 1, least: 1, burst: 1 }
    while ((await takeLaunch(context, parts.governor)).waitMs < 60_000);
    for (let times = 0; times < 3; times++) {
      clock.advance(31_000)
      await deliverAll()
    }
    assert.equal(launcher.jobs.size, 1)
    assert.equal((await task(id)).launch?.handle, 'job-000001')
  })

  it('wait if there is no capacity, without using up a try, and are launched once there is', async () => {
    const { clock, launcher, deliver, id, task, ticked, why } = await launching()
    launcher.behaviour.capacity = 0
    await deliver()
    const { status, waitsFor, counts, attempt } = await task(id)
    assert.deepEqual([status, waitsFor, counts, attempt], ['waiting', 'capacity', undefined, 2])
    assert.match(
      await why(),
      /^there was no capacity for its job \(.*no capacity is left\); it is tried again/,
    )
    launcher.behaviour.capacity = 1
    clock.advance(60_000)
    await ticked()
    await deliver()
    assert.equal(launcher.open.length, 1)
  })
})
