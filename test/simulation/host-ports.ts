import type { Change } from '../../src/core/change.ts'
import type { Clock, Ports, WakeSignal } from '../../src/core/ports/deciding.ts'
import type { Context } from '../../src/engine/context.ts'
import type { Connection } from './state.ts'
import type { World } from './world.ts'

/** The ports of one host, whose clock is off by the skew: each call is an effect that waits for its turn. */
export function hostPorts(
  world: World,
  host: string,
  skewMs: number,
): Pick<Context, 'ports' | 'speculative'> {
  const { scheduler, bodies } = world
  world.skewMs.set(host, skewMs)
  const now = () => Math.floor(scheduler.now + skewMs)
  const clock: Clock = {
    now,
    steady: now,
    sleep: (ms) => scheduler.sleep(host, ms),
    listen: (signal) => listen(world, host, connection, signal),
  }
  const connection = watched(world, host, world.state.connect(host, clock, world.onWrite))
  // A process decides at once in the very turn in which it was told; nothing of that waits for its turn here.
  const { speculative, ...atOnce } = whileAlive(world, host, connection)
  const ports: Ports = {
    ...inTurns(world, host, connection),
    ...atOnce,
    completeness: { areComplete: (tasks) => world.areComplete(host, tasks) },
    runner: {
      defines: ({ family, join }) => join === true || world.definitions.isDefinedOn(host, family),
      run: (job, hooks) => bodies.run(host, job, hooks),
      extendLease: (nonce, leaseMs) => {
        for (const body of bodies.running)
          if (body.nonce === nonce) body.validUntil = world.clockOf(host) + leaseMs
      },
      async close() {},
    },
    clock,
    random: { nonce: () => `n${Math.floor(scheduler.random() * 1e12)}`, number: scheduler.random },
    isGone: async (worker) => scheduler.dead.has(worker),
  }
  return { ports, ...(speculative && { speculative }) }
}

type Shared = Pick<Ports, 'store' | 'feed' | 'queue' | 'plans'>

function inTurns({ scheduler }: World, host: string, { store, feed, queue, plans }: Connection): Shared {
  const read = <T>(label: string, perform: () => Promise<T>) => scheduler.effect(host, label, 'read', perform)
  const write = <T>(label: string, perform: () => Promise<T>) =>
    scheduler.effect(host, label, 'write', perform)
  const { writeEach, readStale } = store
  return {
    store: {
      read: (wanted) => read(`read ${wanted.join(' ')}`, () => store.read(wanted)),
      ...(readStale && {
        readStale: (wanted) => read(`read stale ${wanted.join(' ')}`, () => readStale(wanted)),
      }),
      write: (changes) => write(`write ${describe(changes)}`, () => store.write(changes)),
      ...(writeEach && {
        writeEach: (changes) => write(`write each ${describe(changes)}`, () => writeEach(changes)),
      }),
      list: (query) => read(`list ${query.prefix}`, () => store.list(query)),
      due: (query) => read('due', () => store.due(query)),
    },
    feed: {
      take: (limit) => read('feed.take', () => feed.take(limit)),
      acknowledge: (events) => write('feed.acknowledge', () => feed.acknowledge(events)),
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
      extend: (run, base, tasks) => write('plans.extend', () => plans.extend(run, base, tasks)),
      remove: (run) => write('plans.remove', () => plans.remove(run)),
    },
  }
}

/** What is called at once, as long as the process lives. */
function whileAlive(world: World, host: string, { feed, plans, speculative }: Connection) {
  if (speculative === undefined) return {}
  const isOver = () => world.scheduler.dead.has(host) || world.isClosed
  const living = <T extends object>(port: T): T =>
    Object.fromEntries(
      Object.entries(port).map(([name, call]) => [
        name,
        async (...args: unknown[]) => {
          if (isOver()) return new Promise(() => {})
          const result = await call(...args)
          return isOver() ? new Promise(() => {}) : result
        },
      ]),
    ) as T
  const { store, queue } = speculative
  return {
    feed: living(feed),
    plans: living(plans),
    speculative: { store: living(store), queue: living(queue) },
  }
}

/** Sleeps five times as long as it is asked to, or until the wake signal comes. */
function listen(world: World, host: string, { onWakeSignal }: Connection, signal: WakeSignal) {
  const { scheduler } = world
  if (onWakeSignal === undefined) return (ms: number) => scheduler.sleep(host, ms * 5)
  const sent = Promise.withResolvers<void>()
  const stop = onWakeSignal(signal, sent.resolve)
  return (ms: number) => Promise.race([sent.promise, scheduler.sleep(host, ms * 5)]).finally(stop)
}

/** The adapters of a host, looked at. */
function watched(world: World, host: string, connection: Connection): Connection {
  const { store, feed, queue, plans, speculative } = connection
  return {
    ...connection,
    store: {
      ...store,
      async read(wanted) {
        const records = await store.read(wanted)
        world.watch.read(host, records)
        for (const each of world.observers) each.read?.(host, records)
        return records
      },
      async list(query) {
        const found = await store.list(query)
        if (query.prefix.startsWith('task/')) for (const each of world.observers) each.looked?.(host)
        return found
      },
    },
    feed: {
      ...feed,
      async take(limit) {
        const events = await feed.take(limit)
        world.activity += events.length
        return events
      },
    },
    queue: watchedQueue(world, host, queue),
    plans: {
      ...plans,
      async extend(run, base, tasks) {
        const ids = tasks.map(({ id }) => id)
        world.watch.extended(run, base, ids)
        await plans.extend(run, base, tasks)
      },
    },
    ...(speculative && {
      speculative: {
        ...speculative,
        ...(speculative.queue && { queue: watchedQueue(world, host, speculative.queue) }),
      },
    }),
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
    async acknowledge(deliveries) {
      await queue.acknowledge(deliveries)
      world.watch.messages.acknowledged(deliveries)
    },
    async putBack(delivery, delayMs) {
      world.comesInSight(delayMs)
      await queue.putBack(delivery, delayMs)
      world.watch.messages.putBack(host, delivery, delayMs)
    },
  }
}

const describe = (changes: readonly Change[]) => changes.map(describeChange).join(' ')

function describeChange(change: Change): string {
  const what = 'set' in change ? JSON.stringify(change.set) : 'put' in change ? 'put' : 'remove'
  return `${change.key} ${what}`
}
