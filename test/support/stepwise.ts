import assert from 'node:assert/strict'
import { makeMemoryPlans } from '../../src/adapters/memory/plans.ts'
import { makeMemoryQueue } from '../../src/adapters/memory/queue.ts'
import { makeMemoryRecords } from '../../src/adapters/memory/records.ts'
import type { Change } from '../../src/core/change.ts'
import { type FoundTask, numberPlanTasks } from '../../src/core/graph.ts'
import { keys } from '../../src/core/keys.ts'
import { type Limits, NO_LIMITS } from '../../src/core/limits.ts'
import type { Plan, Policy } from '../../src/core/plan.ts'
import type { Ending } from '../../src/core/ports/working.ts'
import type { Limit } from '../../src/core/records/lock-and-limit.ts'
import type { Run } from '../../src/core/records/run.ts'
import type { TaskRun } from '../../src/core/records/task-run.ts'
import { advanceFeed } from '../../src/engine/advance.ts'
import { type ClaimedAttempt, claimAttempt } from '../../src/engine/claim.ts'
import type { Context } from '../../src/engine/context.ts'
import { finishAttempt } from '../../src/engine/finish.ts'
import { joinOrOpenRun } from '../../src/engine/open-run.ts'
import { findUnprovenTasks } from '../../src/engine/proof.ts'
import { tickDueRecords } from '../../src/engine/tick.ts'
import { settings } from './records.ts'
import { testClock } from './test-clock.ts'

/** A task with this id and output, without upstreams. */
export const foundTask = (
  id: string,
  policy: Partial<Policy> = {},
  more: Partial<FoundTask> = {},
): FoundTask => ({
  id,
  family: id.toUpperCase(),
  params: {},
  label: id.toUpperCase(),
  upstreams: [],
  outputs: [`file:///${id}`],
  policy: { retry: { attempts: 1, delayMs: 10_000, backoff: 'fixed' }, fresh: 'run', secrets: {}, ...policy },
  ...more,
})

/** An engine that does one step at a time. */
export function stepwise(limits: Limits = NO_LIMITS) {
  const clock = testClock()
  const { store, feed, records } = makeMemoryRecords()
  const targets = new Set<string>()
  let nonces = 0
  const context: Context = {
    ports: {
      store,
      feed,
      clock,
      queue: makeMemoryQueue(clock),
      plans: makeMemoryPlans(),
      completeness: {
        async areComplete(tasks) {
          const unproven = await findUnprovenTasks(store, tasks)
          return tasks.map(({ id }) => targets.has(id) && !unproven.has(id))
        },
      },
      runner: { run: async () => ({ outcome: 'succeeded' }), extendLease() {}, async close() {} },
      random: { nonce: () => `n${++nonces}`, number: () => 0 },
      isGone: async () => false,
    },
    settings: settings(limits),
  }
  const plan = (attempts: number): Plan =>
    numberPlanTasks(
      'p',
      [foundTask('t', { retry: { attempts, delayMs: 10_000, backoff: 'fixed' } })],
      clock.now(),
    )
  const settle = async () => {
    while ((await advanceFeed(context)) > 0);
  }
  const openPlan = async (name: string, found: FoundTask[]) => {
    const request = { name, family: 'T', params: {}, significant: {} }
    const { run } = await joinOrOpenRun(context, request, async () =>
      numberPlanTasks(name, found, clock.now()),
    )
    await settle()
    return run
  }
  const open = async (name: string, attempts = 1) => {
    const request = { name, family: 'T', params: {}, significant: {} }
    const { run } = await joinOrOpenRun(context, request, async () => plan(attempts))
    await settle()
    return run
  }
  const take = async (run: string, attempt = 1, number = 0) => claimAttempt(context, { run, number, attempt })
  const end = async (claimed: ClaimedAttempt, ending: Ending) => {
    const isWritten = await finishAttempt(context, claimed, ending)
    await settle()
    return isWritten
  }
  const ticked = async () => {
    await tickDueRecords(context)
    await settle()
  }
  const task = async (run: string, number = 0) =>
    (await store.read([keys.taskRun(run, number)]))[0] as unknown as TaskRun
  const run = async (id: string) => (await store.read([keys.run(id)]))[0] as unknown as Run
  const limit = async (of: Limit['of'], name: string) =>
    (await store.read([keys.limit(of, name)]))[0] as unknown as Limit
  return {
    context,
    clock,
    targets,
    records,
    plan,
    settle,
    open,
    openPlan,
    take,
    end,
    ticked,
    task,
    run,
    limit,
  }
}

/** Another process on the same state. */
export const elsewhere = (context: Context): Context => ({
  ...context,
  settings: { ...context.settings, worker: 'elsewhere' },
})

/** The same engine on a host that is so slow that others do something before it writes. */
export function racing(context: Context, before: (changes: readonly Change[]) => Promise<void>): Context {
  const { store } = context.ports
  const write: typeof store.write = async (changes) => {
    await before(changes)
    return store.write(changes)
  }
  return { ...context, ports: { ...context.ports, store: { ...store, write } } }
}

/** A failure of the task itself. */
export const FAILED: Ending = {
  outcome: 'failed',
  failure: { outcome: 'failed', message: 'the wire is cut' },
}

/** The attempt that a claim has won. */
export async function ours(result: Awaited<ReturnType<typeof claimAttempt>>): Promise<ClaimedAttempt> {
  assert.equal(result.is, 'ours')
  return (result as { claimed: ClaimedAttempt }).claimed
}
