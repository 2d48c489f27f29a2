import { keys } from '../core/keys.ts'
import type { SeenWorker } from '../core/ports/looking.ts'
import type { Run } from '../core/records/run.ts'
import { isRunOpen } from '../core/records/status.ts'
import type { TaskRun } from '../core/records/task-run.ts'
import type { Home } from './home.ts'

/** A process announces itself only after it has opened the run; until then it does not count as absent. */
const UNANNOUNCED_MS = 5_000

/**
 * Since when no process works on a run that is open; undefined if one does, the run has ended, or a deployment
 * works on it.
 */
export async function findUnattendedSince(home: Home, run: Run): Promise<number | undefined> {
  const { presence, context, simulatedUntil } = home
  if (presence === undefined || !isRunOpen(run.status)) return undefined
  if (simulatedUntil !== undefined) return simulatedUntil
  const workers = (await presence.list()).filter(({ runs }) => runs === undefined || runs.includes(run.id))
  if (workers.some(({ isGone }) => !isGone)) return undefined
  if (run.worker !== undefined && !(await context.ports.isGone(run.worker))) return undefined
  const since = lastSeen(workers, run) ?? (await lastMove(home, run))
  return since === undefined || context.ports.clock.now() - since < UNANNOUNCED_MS ? undefined : since
}

function lastSeen(workers: SeenWorker[], { createdAt }: Run): number | undefined {
  const seen = workers.map(({ seenAt }) => Math.round(seenAt)).filter((at) => at >= createdAt)
  return seen.length === 0 ? undefined : seen.reduce((latest, at) => Math.max(latest, at))
}

/** When one of its tasks last started, ended or had its lease extended; undefined if a living process runs one. */
async function lastMove({ context }: Home, run: Run): Promise<number | undefined> {
  const { store, clock, isGone } = context.ports
  const records = await store.list({ prefix: keys.taskRuns(run.id), consistency: 'stale' })
  const tasks = records.map(({ record }) => record)
  const running = tasks.filter(({ status }) => status === 'running')
  for (const worker of new Set(running.map(({ worker }) => worker)))
    if (worker !== undefined && !(await isGone(worker))) return undefined
  // Leases are kept by the steady clock.
  const leaseMs = context.settings.leaseMs + clock.steady() - clock.now()
  return tasks.reduce((latest, task) => Math.max(latest, findLastMoveOf(task, leaseMs)), run.createdAt)
}

const findLastMoveOf = ({ status, startedAt = 0, endedAt = 0, leaseUntil }: TaskRun, leaseMs: number) =>
  Math.max(startedAt, endedAt, status === 'running' && leaseUntil !== undefined ? leaseUntil - leaseMs : 0)
