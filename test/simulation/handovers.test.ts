import assert from 'node:assert/strict'
import { it } from 'node:test'
import { makeMemoryPlans } from '../../src/adapters/memory/plans.ts'
import { makeMemoryQueue } from '../../src/adapters/memory/queue.ts'
import { makeMemoryRecords } from '../../src/adapters/memory/records.ts'
import { numberPlanTasks } from '../../src/core/graph.ts'
import { keys } from '../../src/core/keys.ts'
import { advanceFeed } from '../../src/engine/advance.ts'
import { claimAttempt } from '../../src/engine/claim.ts'
import type { Context } from '../../src/engine/context.ts'
import { finishAttempt } from '../../src/engine/finish.ts'
import { recordTargetMakers } from '../../src/engine/makers.ts'
import { joinOrOpenRun } from '../../src/engine/open-run.ts'
import { settings } from '../support/records.ts'
import { FAILED, foundTask } from '../support/stepwise.ts'
import { Scheduler } from './scheduler.ts'

const SEEDS = 300
const URI = 'file:///same'
const FAULTS = { crash: 0, freeze: 0.01, repeat: 0.1, delay: 0.1 }
const TASKS = ['a', 'b', 'c']

/**
 * A plan is corrected again and again while its runs are open: planners hand one target to one task after the other, and
 * workers claim, run and end the attempts of all of them. Returns what is wrong: two bodies with one target at once, a run
 * without an end.
 */
async function corrected(seed: number): Promise<string[]> {
  const scheduler = new Scheduler(seed, FAULTS)
  const { store, feed } = makeMemoryRecords()
  const plans = makeMemoryPlans()
  const wrong: string[] = []
  const running = new Set<string>()
  const runs: string[] = []

  function contextOf(host: string): Context {
    const clock = {
      now: () => scheduler.now,
      steady: () => scheduler.now,
      sleep: (ms: number) => scheduler.sleep(host, ms),
      listen: () => (ms: number) => scheduler.sleep(host, ms),
    }
    return {
      ports: {
        store: {
          ...store,
          read: (wanted) => scheduler.effect(host, 'read', 'read', () => store.read(wanted)),
          write: (changes) => scheduler.effect(host, 'write', 'write', () => store.write(changes)),
        },
        feed,
        plans,
        clock,
        queue: makeMemoryQueue(clock),
        completeness: { areComplete: async (tasks) => tasks.map(() => false) },
        runner: { run: async () => ({ outcome: 'succeeded' }), extendLease() {}, async close() {} },
        random: { nonce: () => `${host}.${scheduler.random()}`, number: scheduler.random },
        isGone: async () => false,
      },
      settings: { ...settings(), worker: host },
    }
  }

  async function planner(id: string): Promise<void> {
    const context = contextOf(`planner of ${id}`)
    await context.ports.clock.sleep(scheduler.random() * 3_000)
    await recordTargetMakers(
      context.ports.store,
      [{ uri: URI, task: { id, family: id, params: {}, label: id } }],
      () => false,
    )
    const policy = { retry: { attempts: 2, delayMs: 100, backoff: 'fixed' as const } }
    const request = { name: id, family: id, params: {}, significant: {} }
    const opened = await joinOrOpenRun(context, request, async () =>
      numberPlanTasks(id, [foundTask(id, policy, { outputs: [URI] })], scheduler.now),
    )
    runs.push(opened.run)
    await Promise.all(['w1', 'w2'].map((worker) => work(contextOf(`${worker} of ${id}`), opened.run)))
  }

  /** Claims the attempts of a run until it has ended. */
  async function work(context: Context, run: string): Promise<void> {
    const { clock, store: seen } = context.ports
    for (;;) {
      while ((await advanceFeed(context)) > 0);
      const [record, task] = await seen.read([keys.run(run), keys.taskRun(run, 0)])
      if (record?.kind !== 'run' || record.status !== 'running') return
      if (task?.kind === 'taskRun' && task.status === 'queued') await attempt(context, run, task.attempt)
      await clock.sleep(100)
    }
  }

  async function attempt(context: Context, run: string, number: number): Promise<void> {
    const result = await claimAttempt(context, { run, number: 0, attempt: number })
    if (result.is !== 'ours') return
    running.add(run)
    if (running.size > 1) wrong.push(`${[...running].join(' and ')} write one target at once`)
    await context.ports.clock.sleep(scheduler.random() * 500)
    running.delete(run)
    await finishAttempt(context, result.claimed, scheduler.random() < 0.5 ? FAILED : { outcome: 'succeeded' })
  }

  for (const id of TASKS) planner(id).catch((error: Error) => wrong.push(String(error.stack)))
  for (let steps = 0; steps < 20_000 && (await scheduler.step()); steps++);
  for (const run of runs) {
    const [record] = await store.read([keys.run(run)])
    if (record === undefined || record.status === 'running') wrong.push(`${run} has no end`)
  }
  if (runs.length < TASKS.length) wrong.push('not every run was opened')
  return wrong
}

it(`two tasks with one target never run at once, whenever a plan is corrected, for ${SEEDS} seeds`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) assert.deepEqual(await corrected(seed), [], `seed ${seed}`)
})
