import type { Change } from '../../src/core/change.ts'
import type { Clock, Ports, Store } from '../../src/core/ports.ts'
import type { World } from './world.ts'

/** The ports of one host, whose clock is off by the skew: each call is an effect that waits for its turn. */
export function hostPorts(world: World, host: string, skewMs: number): Ports {
  const { scheduler, bodies } = world
  world.skewMs.set(host, skewMs)
  const read = <T>(label: string, perform: () => Promise<T>) => scheduler.effect(host, label, 'read', perform)
  const write = <T>(label: string, perform: () => Promise<T>) =>
    scheduler.effect(host, label, 'write', perform)
  const now = () => Math.floor(scheduler.now + skewMs)
  const clock: Clock = {
    now,
    steady: now,
    sleep: (ms) => scheduler.sleep(host, ms),
    listen: () => (ms) => scheduler.sleep(host, ms * 5),
  }
  const connection = world.state.connect(host, clock)
  const { plans } = connection
  const store = watchedStore(world, host, connection.store)
  const queue = watchedQueue(world, host, connection.queue)
  return {
    store: {
      read: (wanted) => read(`read ${wanted.join(' ')}`, () => store.read(wanted)),
      write: (changes) => write(`write ${changes.map(describeChange).join(' ')}`, () => store.write(changes)),
      list: (query) => read(`list ${query.prefix}`, () => store.list(query)),
      due: (query) => read('due', () => store.due(query)),
    },
    feed: {
      take: (limit) =>
        read('feed.take', async () => {
          const events = await connection.feed.take(limit)
          world.activity += events.length
          return events
        }),
      acknowledge: (events) => write('feed.acknowledge', () => connection.feed.acknowledge(events)),
    },
    queue: {
      send: (messages) => write(`queue.send ${messages.length}`, () => queue.send(messages)),
      take: (query) => read('queue.take', () => queue.take(query)),
      acknowledge: (deliveries) => write('queue.acknowledge', () => queue.acknowledge(deliveries)),
      putBack: (delivery, delayMs) => write('queue.putBack', () => queue.putBack(delivery, delayMs)),
      remove: (run) => write('queue.remove', () => queue.remove(run)),
    },
    plans: {
      save: (run, plan) => write(`plans.save ${run}`, () => plans.save(run, plan)),
      header: (run) => read('plans.header', () => plans.header(run)),
      tasks: (run, numbers) => read('plans.tasks', () => plans.tasks(run, numbers)),
      extend: (run, base, tasks) =>
        write('plans.extend', async () => {
          const ids = tasks.map(({ id }) => id)
          world.watch.extended(run, base, ids)
          await plans.extend(run, base, tasks)
        }),
      remove: (run) => write('plans.remove', () => plans.remove(run)),
    },
    completeness: { areComplete: (tasks) => world.areComplete(host, tasks) },
    runner: {
      run: (job, hooks) => bodies.run(host, job, hooks),
      beat: (nonce, leaseMs) => {
        for (const body of bodies.running)
          if (body.nonce === nonce) body.validUntil = world.clockOf(host) + leaseMs
      },
      async close() {},
    },
    clock,
    chance: { nonce: () => `n${Math.floor(scheduler.random() * 1e12)}`, random: scheduler.random },
    isGone: async (worker) => scheduler.dead.has(worker),
  }
}

/** A store whose writes are looked at. */
function watchedStore(world: World, host: string, store: Store): Store {
  const { watch, state } = world
  return {
    ...store,
    async read(wanted) {
      const records = await store.read(wanted)
      watch.read(host, records)
      return records
    },
    async write(changes) {
      const before = changes.map(({ key }) => state.records.get(key))
      world.noteChanged(changes)
      const result = await store.write(changes)
      const [change] = changes
      const isHeartbeat = change !== undefined && 'set' in change && isOnlyLease(change.set)
      if (result.ok && !isHeartbeat) world.activity++
      if (result.ok) watch.wrote(host, changes, before)
      else if (isHeartbeat) watch.refused(host, change)
      return result
    },
  }
}

/** A queue that tells when its messages come into sight. */
function watchedQueue(world: World, host: string, queue: Ports['queue']): Ports['queue'] {
  return {
    ...queue,
    async send(messages) {
      for (const { delayMs } of messages) world.comesInSight(delayMs)
      await queue.send(messages)
    },
    async take(query) {
      const deliveries = await queue.take(query)
      if (deliveries.length > 0) world.comesInSight(query.visibilityMs)
      world.watch.took(host, query, deliveries)
      return deliveries
    },
    async putBack(delivery, delayMs) {
      world.comesInSight(delayMs)
      await queue.putBack(delivery, delayMs)
    },
  }
}

const isOnlyLease = (set: Record<string, unknown>) =>
  'leaseUntil' in set && Object.keys(set).every((name) => name === 'leaseUntil' || name === 'progress')

function describeChange(change: Change): string {
  const what = 'set' in change ? JSON.stringify(change.set) : 'put' in change ? 'put' : 'remove'
  return `${change.key} ${what}`
}
