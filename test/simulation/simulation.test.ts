import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type Key, keys } from '../../src/core/keys.ts'
import type { PlannedTask } from '../../src/core/plan.ts'
import type { Ports } from '../../src/core/ports/deciding.ts'
import { retyped, type UntypedChange, untyped } from '../support/untyped-change.ts'
import { featuresOf, PLAIN_WORLD } from './features.ts'
import { runSeed } from './run-seed.ts'
import { simulate } from './simulate.ts'

/** A few here; the gate runs thousands more (`npm run simulate`). */
const SEEDS = 5

it(`keeps every invariant for ${SEEDS} seeds, the same way each time`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++)
    assert.equal((await runSeed(seed)).problem, undefined, `seed ${seed}`)
})

it('takes along what a task had yielded when a host that was frozen meanwhile puts it into a cancelled run', async () => {
  assert.equal((await runSeed(7_017_182, PLAIN_WORLD)).problem, undefined)
})

it('asks anew for a run that has ended and been forgotten while its first planner stood still', async () => {
  const features = { ...featuresOf(10_145, false), handsOn: false, cutsHandOns: false }
  assert.equal((await runSeed(10_145, features)).problem, undefined)
})

/** Faults that the engine would have if a rule were left out; the simulation must see each within these seeds. */
const DELIBERATE: Record<string, (ports: Ports) => Ports> = {
  'a lock that nobody checks': (ports) =>
    writing(ports, (change) => (change.key.startsWith('lock/') ? { ...change, if: undefined } : change)),
  'limits that overwrite each other': (ports) =>
    writing(ports, (change) => (change.key.startsWith('limit/') ? { ...change, if: undefined } : change)),
  'a place that is not given back': (ports) =>
    writing(ports, (change) =>
      'put' in change && change.put.kind === 'limit' && Object.keys(change.put.holders).length === 0
        ? { ...change, put: { ...change.put, holders: { nobody: { weight: 1 } } } }
        : change,
    ),
  'a yield that opens no bit': (ports) =>
    writing(ports, (change) =>
      'set' in change && change.set.status === 'expanding'
        ? { ...change, set: { ...change.set, upstreams: undefined } }
        : change,
    ),
  'an end that a lost attempt may write': (ports) =>
    writing(ports, (change) =>
      'set' in change && change.set.endedAt !== undefined && change.key.startsWith('task/')
        ? { ...change, if: undefined }
        : change,
    ),
  'bits that overwrite each other': (ports) =>
    writing(ports, (change) =>
      'set' in change && change.set.ended !== undefined ? { ...change, if: undefined } : change,
    ),
  'a lock that forgets when its task last ended': (ports) =>
    writing(ports, (change) =>
      'set' in change && change.key.startsWith('lock/')
        ? { ...change, set: { ...change.set, lastEndAt: undefined }, if: withoutLastEnd(change.if) }
        : change,
    ),
  'a target that is believed whatever attempt has left it': (ports) =>
    writing(ports, (change) =>
      'set' in change && change.set.unproven === true
        ? { ...change, set: { ...change.set, unproven: undefined } }
        : change,
    ),
  'any end of an attempt that proves its target': (ports) =>
    writing(ports, (change) =>
      'set' in change && change.set.lastEndAt !== undefined
        ? { ...change, set: { ...change.set, unproven: undefined } }
        : change,
    ),
  'one bitmap instead of two': (ports) =>
    writing(ports, (change) =>
      'set' in change && change.set.failed !== undefined
        ? { ...change, set: { ...change.set, failed: '' } }
        : change,
    ),
  'waiters that are looked for in a stale index': (ports) => ({
    ...ports,
    store: {
      ...ports.store,
      list: (query) =>
        ports.store.list(query.prefix.startsWith('wait/') ? { ...query, consistency: 'stale' } : query),
    },
  }),
  'a planner that overwrites what is there': (ports) =>
    writing(ports, (change) =>
      'put' in change && change.put.kind === 'taskRun' ? { ...change, if: undefined } : change,
    ),
  'an end that may be written only to the very version that was read': (ports) =>
    writing(ports, (change) =>
      'set' in change && change.set.leaseUntil !== undefined && change.set.nonce === undefined
        ? { ...change, if: { version: -1 } }
        : change,
    ),
  'a claim that looks at no attempt': (ports) =>
    writing(ports, (change) =>
      'set' in change && change.set.status === 'running' ? { ...change, if: undefined } : change,
    ),
  'leases that nobody looks at': (ports) => ({
    ...ports,
    isGone: async () => false,
    store: { ...ports.store, due: async () => [] },
  }),
  'a message that is sent before its attempt is written': (ports) => ({
    ...ports,
    store: {
      ...ports.store,
      async write(changes) {
        for (const change of untyped(changes))
          if ('set' in change && change.set.status === 'queued')
            await sendEarly(ports, change.key as Key<'task'>, change.set)
        return ports.store.write(changes)
      },
    },
    queue: { ...ports.queue, send: async () => {} },
  }),
  'slots that expire by themselves': (ports) =>
    writing(ports, (change) =>
      'put' in change && change.put.kind === 'limit' && change.put.of === 'resource'
        ? {
            ...change,
            put: { ...change.put, holders: expiring(change.put.holders, ports.clock.now() + 500) },
          }
        : change,
    ),
  'a reservation of a lost attempt that is given back': (ports) => ({
    ...ports,
    store: {
      ...ports.store,
      async write(changes) {
        const isLost = changes.some(
          (change) => 'put' in change && change.put.kind === 'attempt' && change.put.outcome === 'lost',
        )
        if (!isLost) return ports.store.write(changes)
        return ports.store.write(
          retyped(await Promise.all(untyped(changes).map((each) => refunded(ports, each)))),
        )
      },
    },
  }),
  'an upstream that is looked at before the edge to who yielded it is there': (ports) => {
    const looked = new Set<string>()
    return {
      ...ports,
      plans: {
        ...ports.plans,
        async tasks(run, numbers) {
          const tasks = await ports.plans.tasks(run, numbers)
          return tasks.map((task) => (isTooEarly(looked, run, task) ? { ...task, dependents: [] } : task))
        },
      },
    }
  },
  'a redelivered old change that is believed: the lock is freed, whoever holds it by now': (ports) =>
    writing(ports, (change) =>
      'set' in change && change.set.lastEndAt !== undefined ? { ...change, if: undefined } : change,
    ),
  'messages that are forgotten': (ports) => ({ ...ports, queue: { ...ports.queue, send: async () => {} } }),
  'events that are acknowledged before they are handled': (ports) => {
    let last = 0
    return {
      ...ports,
      feed: {
        ...ports.feed,
        async take(limit) {
          // Old ones that come again would make good for what was lost.
          const events = (await ports.feed.take(limit)).filter(({ sequence }) => sequence > last)
          last = Math.max(last, ...events.map(({ sequence }) => sequence))
          await ports.feed.acknowledge(events)
          // Its host may die meanwhile.
          await ports.clock.sleep(5_000)
          return events
        },
      },
    }
  },
}

/** The first look of a host at the node that gathers what was yielded. */
function isTooEarly(looked: Set<string>, run: string, { number, join, yielder, dependents }: PlannedTask) {
  if (!join || !dependents.some(([dependent]) => dependent === yielder)) return false
  const name = `${run}/${number}`
  return !looked.has(name) && looked.add(name) !== undefined
}

async function sendEarly(ports: Ports, key: Key<'task'>, set: Record<string, unknown>): Promise<void> {
  const [task] = await ports.store.read([key])
  if (task === undefined) return
  const { run, number, pool, priority } = task
  const message = { run, number, attempt: Number(set.attempt ?? task.attempt) }
  await ports.queue.send([{ message, delayMs: 0, pool, priority }])
}

const expiring = (holders: { [holder: string]: { weight: number } }, until: number) =>
  Object.fromEntries(Object.entries(holders).map(([name, { weight }]) => [name, { weight, until }]))

async function refunded(ports: Ports, change: UntypedChange): Promise<UntypedChange> {
  if (!('put' in change) || change.put.kind !== 'limit' || change.put.window === undefined) return change
  const [before] = await ports.store.read([keys.limit(change.put.of, change.put.name)])
  const spent = before?.kind === 'limit' ? (before.window?.spent ?? 0) : 0
  return { ...change, put: { ...change.put, window: { ...change.put.window, spent } } }
}

const withoutLastEnd = (condition: UntypedChange['if']) => {
  if (condition === undefined || condition === 'absent') return condition
  const { lastEndAt: _, ...rest } = condition
  return rest
}

function writing(ports: Ports, change: (change: UntypedChange) => UntypedChange): Ports {
  return {
    ...ports,
    store: { ...ports.store, write: (changes) => ports.store.write(retyped(untyped(changes).map(change))) },
  }
}

for (const [fault, sabotage] of Object.entries(DELIBERATE))
  it(`sees ${fault}`, async () => {
    for (let seed = 1; seed <= 300; seed++) if ((await simulate(seed, sabotage)).violations.length > 0) return
    assert.fail('no seed showed it')
  })
