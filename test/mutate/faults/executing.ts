import type { Fault } from '../fault.ts'

const SIMULATION = { seeds: 400 }

/** Claims, leases, heartbeats, publishing, ends, locks and turns. */
export const EXECUTING: Fault[] = [
  {
    name: 'a second lost race drops the message',
    file: 'src/engine/claim.ts',
    find: `    if (result !== 'race') return result`,
    replace: `    if (result !== 'race') return result
    if (tries > 0) return { is: 'settled' }`,
    by: { test: 'test/engine/limits.test.ts' },
  },
  {
    name: 'notBefore is ignored',
    file: 'src/core/claim.ts',
    find: `if (notBefore > steady) hindrances`,
    replace: `if (notBefore < 0) hindrances`,
    by: SIMULATION,
  },
  {
    name: 'the back-off of another run is ignored',
    file: 'src/core/claim.ts',
    find: `if (backoffUntil > steady && backoffUntil !== notBefore)`,
    replace: `if (backoffUntil < 0)`,
    by: { test: 'test/engine/locks.test.ts' },
  },
  {
    name: 'a target that was made meanwhile is not looked at',
    file: 'src/core/claim.ts',
    find: `return isMadeSince || task.attempt > 1`,
    replace: `return task.attempt < 0 && isMadeSince`,
    by: SIMULATION,
  },
  {
    name: 'a lock that another attempt holds is taken',
    file: 'src/core/claim.ts',
    find: `if (lock?.holder !== undefined && !hasHolderEnded(lock.holder, task))
    hindrances`,
    replace: `if (lock?.holder !== undefined && task.attempt < 0)
    hindrances`,
    by: SIMULATION,
  },
  {
    name: 'a lock is taken whoever holds it by now',
    file: 'src/engine/claim.ts',
    find: `if: { holder: lock?.holder, lastEndAt: lock?.lastEndAt },`,
    replace: `if: {},`,
    by: SIMULATION,
  },
  {
    name: 'an attempt is claimed that another has claimed',
    file: 'src/engine/claim.ts',
    find: `      set,
      if: { status: 'queued', attempt: task.attempt },`,
    replace: `      set,
      if: { attempt: task.attempt },`,
    by: SIMULATION,
  },
  {
    name: 'a message of an older attempt is believed',
    file: 'src/engine/claim.ts',
    find: `task?.status === 'queued' && task.attempt === message.attempt`,
    replace: `task?.status === 'queued'`,
    by: { test: 'test/engine/locks.test.ts' },
  },
  {
    name: 'a message that came too early is lost',
    file: 'src/engine/work.ts',
    find: `if (result.is === 'early') return queue.putBack(delivery, Math.min(result.delayMs, MAX_DELAY_MS))`,
    replace: `if (result.is === 'early') return queue.acknowledge([delivery])`,
    by: SIMULATION,
  },
  {
    name: 'a message is acknowledged before its attempt is claimed',
    file: 'src/engine/work.ts',
    find: `    this.#claiming++
    const result`,
    replace: `    this.#claiming++
    await queue.acknowledge([delivery])
    const result`,
    by: SIMULATION,
  },
  {
    name: 'an output is published without asking whether the attempt is ours',
    file: 'src/engine/work.ts',
    find: `return (age >= 0 && age < settings.heartbeatMs) || this.#extend(active)`,
    replace: `return age >= 0 && settings.heartbeatMs > 0`,
    by: SIMULATION,
  },
  {
    name: 'a lost body is not stopped',
    file: 'src/engine/work.ts',
    find: `nonce)) active.stop.abort('lost' satisfies StopReason)
    return`,
    replace: `nonce)) active.stop.signal.throwIfAborted()
    return`,
    by: SIMULATION,
  },
  {
    name: 'a cancelled body is not stopped',
    file: 'src/engine/work.ts',
    find: `if (cancelled.has(each.claimed.task.run))`,
    replace: `if (cancelled.has(each.claimed.nonce))`,
    by: { test: 'test/engine/work.test.ts' },
  },
  {
    name: 'a heartbeat extends a lease that is no longer ours',
    file: 'src/engine/work.ts',
    find: `if: { status: 'running', attempt: task.attempt, nonce },`,
    replace: `if: { status: 'running' },`,
    by: SIMULATION,
  },
  {
    name: 'a worker that was held up runs its attempt all the same',
    file: 'src/engine/work.ts',
    find: `if (leaseMs <= 0) {`,
    replace: `if (leaseMs <= -1e12) {`,
    by: { test: 'test/engine/work.test.ts' },
  },
  {
    name: 'a lease that was renewed late counts from its late answer',
    file: 'src/engine/work.ts',
    find: `settings.leaseMs - (ports.clock.steady() - askedAt)`,
    replace: `settings.leaseMs`,
    by: { test: 'test/engine/work.test.ts' },
  },
  {
    name: 'leases are lost too early',
    file: 'src/engine/tick.ts',
    find: `(task.leaseUntil ?? 0) + skewMs`,
    replace: `(task.leaseUntil ?? 0) + skewMs * 0`,
    by: SIMULATION,
  },
  {
    name: 'a lease that is still good is lost when it is due',
    file: 'src/engine/tick.ts',
    find: `if (!isOurs && overAt <= clock.steady())`,
    replace: `if (!isOurs)`,
    by: SIMULATION,
  },
  {
    name: 'leases that ran out are not looked at again',
    file: 'src/engine/tick.ts',
    find: `set: { dueAt: Math.max(overAt, clock.steady() + AGAIN_MS) },`,
    replace: `set: { dueAt: undefined },`,
    by: SIMULATION,
  },
  {
    name: 'a heartbeat that came between look and write is overlooked',
    file: 'src/engine/tick.ts',
    find: `{ outcome: 'lost', failure }, { leaseUntil: task.leaseUntil })`,
    replace: `{ outcome: 'lost', failure }, {})`,
    by: { test: 'test/engine/locks.test.ts' },
  },
  {
    name: 'a retry in more than 15 minutes is never sent',
    file: 'src/engine/tick.ts',
    find: `  if (task.status === 'queued')
`,
    replace: `  if (task.status === 'pending')
`,
    by: SIMULATION,
  },
  {
    name: 'an external target is looked at once',
    file: 'src/engine/tick.ts',
    find: `if (task.status === 'waiting' && task.waitsFor === 'target')`,
    replace: `if (task.status === 'waiting' && task.waitsFor === 'nothing')`,
    by: SIMULATION,
  },
  {
    name: 'a run whose planner died stays open',
    file: 'src/engine/tick.ts',
    find: `if (run.status === 'planning' && overdueMs >= ABANDON_MS)`,
    replace: `if (run.status === 'planning' && overdueMs >= ABANDON_MS * 1e9)`,
    by: { test: 'test/engine/open-run.test.ts' },
  },
  {
    name: 'an end is written by an attempt that was lost',
    file: 'src/engine/finish.ts',
    find: `if: { status: 'running', attempt: task.attempt, nonce, ...onlyIf },`,
    replace: `if: { ...onlyIf },`,
    by: SIMULATION,
  },
  {
    name: 'an end that lost a race for a limit is dropped',
    file: 'src/engine/finish.ts',
    find: `if (result.failures.some(({ index }) => index === 0)) return false`,
    replace: `if (result.failures.length > 0) return false`,
    by: { test: 'test/engine/limits.test.ts' },
  },
  {
    name: 'an old change frees the lock of a new attempt',
    file: 'src/engine/locks.ts',
    find: `  set: freed(task, now),
  if: { holder },`,
    replace: `  set: freed(task, now),`,
    by: SIMULATION,
  },
  {
    name: 'locks of attempts that are over stay held',
    file: 'src/engine/locks.ts',
    find: `task.startedAt !== undefined && task.status !== 'running'`,
    replace: `task.startedAt !== undefined && task.status === 'succeeded'`,
    by: SIMULATION,
  },
  {
    name: 'a lock forgets when its task last ended',
    file: 'src/engine/locks.ts',
    find: `backoffUntil: undefined, lastEndAt: now }`,
    replace: `backoffUntil: undefined }`,
    by: SIMULATION,
  },
  {
    name: 'those who wait for a lock are looked for in a stale index',
    file: 'src/engine/locks.ts',
    find: `consistency: 'strong' })`,
    replace: `consistency: 'stale' })`,
    by: SIMULATION,
  },
  {
    name: 'a new wait is removed with the old one',
    file: 'src/engine/locks.ts',
    find: `{ key, remove: true, if: { nonce } }`,
    replace: `{ key, remove: true }`,
    by: { test: 'test/engine/locks.test.ts' },
  },
  {
    name: 'the flag of a lock is cleared though a new waiter came',
    file: 'src/engine/locks.ts',
    find: `if: { holder: undefined, version: lock.version } }`,
    replace: `if: {} }`,
    by: { test: 'test/engine/locks.test.ts' },
  },
  {
    name: 'a task waits for a lock that was freed meanwhile',
    file: 'src/engine/wait.ts',
    find: `{ key: row, set: { waiting: true }, if: { holder } },`,
    replace: `{ key: row, set: { waiting: true } },`,
    by: { test: 'test/engine/locks.test.ts' },
  },
  {
    name: 'the lowest priority goes first in the queue',
    file: 'src/core/turns.ts',
    find: `return a.priority > b.priority`,
    replace: `return a.priority < b.priority`,
    by: { test: 'test/core/turns.test.ts' },
  },
  {
    name: 'the pipeline that was served last goes first',
    file: 'src/core/turns.ts',
    find: `return pipelineA < pipelineB`,
    replace: `return pipelineA > pipelineB`,
    by: { test: 'test/core/turns.test.ts' },
  },
]
