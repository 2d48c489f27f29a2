import type { Fields, Stored } from '../core/change.ts'
import { type Key, keys } from '../core/keys.ts'
import type { Run } from '../core/records/run.ts'
import { hasTaskEnded } from '../core/records/status.ts'
import type { TaskRun } from '../core/records/task-run.ts'
import { sweepCancelledRun } from './cancel.ts'
import type { Context } from './context.ts'
import { finishAttempt } from './finish.ts'
import { refreshLimit } from './limit-waiters.ts'
import { decideForRun } from './undecidable.ts'

const BATCH = 500
const ORPHANS = 10_000
const AGAIN_MS = 5_000
/** How long a run without a planner stays: a command that still wants it takes its planning over as soon as it is due. */
const ABANDON_MS = 60_000

/** Brings what is due: leases that ran out, distant retries, targets to look at again, sweeps of cancelled runs. */
export async function tickDueRecords(context: Context): Promise<void> {
  const { store, clock } = context.ports
  const due = await store.due({ before: clock.steady(), limit: BATCH })
  for (const { key } of due) await handleDue(context, key)
}

/**
 * Declares attempts lost whose worker is known to be dead, before their leases end.
 * All running attempts have a due instant, so the due index lists them.
 */
export async function loseOrphanedAttempts(context: Context): Promise<void> {
  const { store, isGone } = context.ports
  const due = await store.due({ before: Number.MAX_SAFE_INTEGER, limit: ORPHANS })
  const running = due.flatMap(({ record }) =>
    record.kind === 'taskRun' && record.status === 'running' && record.launch === undefined ? [record] : [],
  )
  for (const [worker, tasks] of Map.groupBy(running, (task) => task.worker ?? ''))
    if (await isGone(worker))
      for (const task of tasks)
        await decideForRun(context, task.run, () => loseAttempt(context, task, 'its worker process ended'))
}

/** Declares what a worker was running lost, as soon as its end is a fact. */
export async function loseWorkerAttempts(context: Context, worker: string, why: string): Promise<number> {
  const due = await context.ports.store.due({ before: Number.MAX_SAFE_INTEGER, limit: ORPHANS })
  let lost = 0
  for (const { record } of due)
    if (record.kind === 'taskRun' && record.status === 'running' && record.worker === worker) {
      await loseAttempt(context, record, why)
      lost++
    }
  return lost
}

/** Ends what attempts have left running whose task runs have ended, or were forgotten: no later attempt takes care of it. */
export async function endAbandonedJobs({ ports }: Context): Promise<void> {
  await ports.runner.endAbandoned?.(async (run, number) => {
    const [task] = await ports.store.read([keys.taskRun(run, number)])
    return task !== undefined && !hasTaskEnded(task.status)
  })
}

async function handleDue(context: Context, key: Key): Promise<void> {
  const [record] = await context.ports.store.read([key])
  if (record?.kind === 'run') return decideForRun(context, record.id, () => handleDueRun(context, record))
  if (record?.kind === 'limit') return refreshLimit(context, record)
  if (record?.kind === 'taskRun')
    return decideForRun(context, record.run, () => handleDueTask(context, record))
}

async function handleDueRun(context: Context, run: Stored<Run>): Promise<void> {
  if (run.status === 'running' && run.cancelledAt !== undefined) await sweepCancelledRun(context, run)
  const overdueMs = context.ports.clock.steady() - (run.dueAt ?? 0)
  if (run.status === 'planning' && overdueMs >= ABANDON_MS) await abandon(context, run)
}

/** Ends a run whose planner died and that was not asked for again: it ends, and the next request opens the next one. */
async function abandon({ ports }: Context, run: Stored<Run>): Promise<void> {
  const message = 'its planner ended before the plan was complete; ask for it again'
  const set: Fields<Run> = {
    status: 'failed',
    endedAt: ports.clock.now(),
    dueAt: undefined,
    failure: { outcome: 'planning', message },
  }
  await ports.store.write([{ key: keys.run(run.id), set, if: { status: 'planning', nonce: run.nonce } }])
}

async function handleDueTask(context: Context, task: Stored<TaskRun>): Promise<void> {
  const { store, clock } = context.ports
  const key = keys.taskRun(task.run, task.number)
  if ((task.dueAt ?? Number.POSITIVE_INFINITY) > clock.steady()) return
  // A job elsewhere runs on without its launcher; it is looked at (launch-looks.ts), and ends by what its service says.
  if (task.launch !== undefined && context.launching !== undefined && task.status === 'running') return
  if (task.status === 'running') return handleLease(context, task)
  // Both go through the feed, which sends what is queued.
  if (task.status === 'queued')
    await store.write([{ key, set: { dueAt: undefined }, if: { version: task.version } }])
  if (task.status === 'waiting' && (task.waitsFor === 'target' || task.waitsFor === 'capacity'))
    await store.write([
      {
        key,
        set: { status: 'queued', dueAt: undefined, waitsFor: undefined },
        if: { version: task.version },
      },
    ])
}

/** Heartbeats do not move the due instant, so a lease that is still good is only looked at again later. */
async function handleLease(context: Context, task: Stored<TaskRun>): Promise<void> {
  const { store, clock } = context.ports
  const { skewMs, worker } = context.settings
  const overAt = (task.leaseUntil ?? 0) + skewMs
  // This very process is alive: it was held up (a body in line, a suspended machine) and extends its leases itself.
  const isOurs = task.worker === worker
  if (!isOurs && overAt <= clock.steady()) return loseSilent(context, task)
  await store.write([
    {
      key: keys.taskRun(task.run, task.number),
      set: { dueAt: Math.max(overAt, clock.steady() + AGAIN_MS) },
      if: { status: 'running', attempt: task.attempt, nonce: task.nonce },
    },
  ])
}

/** A worker has stopped answering; its platform may know more. */
async function loseSilent(context: Context, task: Stored<TaskRun>): Promise<void> {
  const { worker = '', pool, startedAt } = task
  const death =
    startedAt === undefined ? undefined : await context.ports.deathOf?.({ worker, pool, startedAt })
  if (death?.isOutOfMemory !== true)
    return loseAttempt(context, task, death?.message ?? 'its worker stopped answering')
  return loseAttempt(context, task, death.message, 'out_of_memory')
}

async function loseAttempt(
  context: Context,
  task: Stored<TaskRun>,
  why: string,
  outcome: 'lost' | 'out_of_memory' = 'lost',
): Promise<void> {
  const [planned] = await context.ports.plans.tasks(task.run, [task.number])
  if (planned === undefined || task.nonce === undefined) return
  const memoryMb = task.memoryMb ?? planned.policy.memoryMb
  const attempt = { task, planned, nonce: task.nonce, ...(memoryMb === undefined ? {} : { memoryMb }) }
  const failure = { outcome, message: outcome === 'lost' ? `the attempt was lost: ${why}` : why }
  // A heartbeat may have come in between: then the lease is good and nothing is lost.
  await finishAttempt(context, attempt, { outcome, failure }, { leaseUntil: task.leaseUntil })
}
