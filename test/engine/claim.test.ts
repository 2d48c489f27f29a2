import assert from 'node:assert/strict'
import { it } from 'node:test'
import { keys } from '../../src/core/keys.ts'
import type { Limits } from '../../src/core/limits.ts'
import type { TaskRun } from '../../src/core/records/task-run.ts'
import { type ClaimResult, claimAttempt } from '../../src/engine/claim.ts'
import type { Context } from '../../src/engine/context.ts'
import { explainWaitingTask } from '../../src/engine/why.ts'
import { foundTask, stepwise } from '../support/stepwise.ts'

const LIMITS: Limits = {
  pools: { default: { concurrency: 1 } },
  resources: { db: { limit: 1 } },
  budgets: { api: { limit: 1, per: 'day', timeZone: 'UTC' } },
}

type Engine = ReturnType<typeof stepwise>

/** How something holds a task back, and how it shows: in the first line of `why`, and in what the claim does. */
interface Case {
  name: string
  /** Makes it so; `id` is the run's. */
  arrange(engine: Engine, id: string): Promise<unknown>
  why: RegExp
  did(result: ClaimResult, task: TaskRun): boolean
}

const holder = { 'other-1/0/1': { weight: 1 } }
const arrangeLimit =
  (of: 'pool' | 'resource' | 'budget', name: string) =>
  async ({ context, limit }: Engine) => {
    const { kind: _, ...row } = (await limit(of, name)) ?? { limit: 1, freed: 0 }
    const window =
      of === 'budget'
        ? { per: 'day' as const, timeZone: 'UTC', startsAt: 0, endsAt: 10 ** 15, spent: 0 }
        : undefined
    await context.ports.store.write([
      {
        key: keys.limit(of, name),
        put: { ...row, kind: 'limit', of, name, holders: holder, ...(window && { window }) },
      },
    ])
  }

/** In the order in which a claim acts. */
const CASES: Case[] = [
  {
    name: 'its run is being cancelled',
    arrange: ({ context }, id) => context.ports.store.write([{ key: keys.run(id), set: { cancelledAt: 1 } }]),
    why: /^its run is being cancelled/,
    did: ({ is }) => is === 'settled',
  },
  {
    name: 'its family is not defined here',
    arrange: async ({ context }) => {
      context.ports.runner = { ...context.ports.runner, defines: () => false }
    },
    why: /does not define T/,
    did: ({ is }) => is === 'unfit',
  },
  {
    name: 'its next attempt is delayed',
    arrange: ({ context, clock }, id) =>
      context.ports.store.write([{ key: keys.taskRun(id, 0), set: { notBefore: clock.steady() + 60_000 } }]),
    why: /its next attempt is delayed/,
    did: (result) => result.is === 'early' && result.delayMs >= 60_000,
  },
  {
    name: 'its task has failed in another run',
    arrange: ({ context, clock }) =>
      context.ports.store.write([
        {
          key: keys.lock('t'),
          set: { kind: 'lock', taskId: 't', backoffUntil: clock.steady() + 50_000 },
        },
      ]),
    why: /has failed in another run/,
    did: (result) => result.is === 'early' && result.delayMs >= 50_000,
  },
  {
    name: 'its target is there by now',
    arrange: async ({ context, clock, targets }) => {
      targets.add('t')
      await context.ports.store.write([
        { key: keys.lock('t'), set: { kind: 'lock', taskId: 't', lastEndAt: clock.steady() } },
      ])
    },
    why: /its target is there by now/,
    did: ({ is }, { status }) => is === 'settled' && status === 'complete',
  },
  {
    name: 'the same task runs elsewhere',
    arrange: ({ context }) =>
      context.ports.store.write([
        { key: keys.lock('t'), set: { kind: 'lock', taskId: 't', holder: 'other-1/0/1' } },
      ]),
    why: /runs elsewhere: other-1\/0\/1/,
    did: ({ is }, { waitsFor }) => is === 'settled' && waitsFor === 'lock/t',
  },
  {
    name: 'a budget is used up',
    arrange: arrangeLimit('budget', 'api'),
    why: /of the budget api/,
    did: ({ is }, { waitsFor }) => is === 'settled' && waitsFor === 'limit/budget/api',
  },
  {
    name: 'a resource is taken',
    arrange: arrangeLimit('resource', 'db'),
    why: /of the resource db/,
    did: ({ is }, { waitsFor }) => is === 'settled' && waitsFor === 'limit/resource/db',
  },
  {
    name: 'the pool is full',
    arrange: arrangeLimit('pool', 'default'),
    why: /the pool default is full/,
    did: (result) => result.is === 'early' && result.delayMs < 1_000,
  },
]

async function arranged(present: Case[], isExternal: boolean): Promise<{ engine: Engine; id: string }> {
  const engine = stepwise(LIMITS)
  const policy = {
    resources: { db: 1 },
    budgets: { api: 1 },
    ...(isExternal ? { external: { pollMs: 1_000 } } : {}),
  }
  const id = await engine.openPlan('p', [foundTask('t', policy)])
  for (const each of present) await each.arrange(engine, id)
  return { engine, id }
}

/** The first line of `why` before the claim, then what the claim did. */
async function ask(engine: Engine, id: string) {
  const context: Context = engine.context
  const [reason] = await explainWaitingTask(context, await engine.run(id), await engine.task(id))
  const result = await claimAttempt(context, { run: id, number: 0, attempt: 1 })
  return { first: reason?.text ?? '', result, task: await engine.task(id) }
}

it('what `why` says first is what the claim does, for every combination of hindrances', async () => {
  for (let bits = 0; bits < 2 ** CASES.length; bits++) {
    const present = CASES.filter((_, index) => bits & (1 << index))
    const { engine, id } = await arranged(present, false)
    const { first, result, task } = await ask(engine, id)
    const label = present.map(({ name }) => name).join(' + ')
    const [expected] = present
    if (expected === undefined) {
      assert.match(first, /^nothing holds it back/)
      assert.equal(result.is, 'ours')
      continue
    }
    assert.match(first, expected.why, label)
    assert.ok(expected.did(result, task), `${label}: ${JSON.stringify(result)}, ${task.status}`)
  }
})

it('what `why` says first of a target that others make is what the claim does, for every combination', async () => {
  const after = CASES.findIndex(({ name }) => name.startsWith('the same task'))
  for (let bits = 0; bits < 2 ** CASES.length; bits++) {
    const present = CASES.filter((_, index) => bits & (1 << index))
    const { engine, id } = await arranged(present, true)
    const { first, result, task } = await ask(engine, id)
    const label = present.map(({ name }) => name).join(' + ')
    const expected = present.find((each) => CASES.indexOf(each) < after)
    assert.match(first, expected?.why ?? /its target is not there yet/, label)
    const isAwaited = result.is === 'settled' && task.waitsFor === 'target'
    assert.ok(expected === undefined ? isAwaited : expected.did(result, task), label)
  }
})
