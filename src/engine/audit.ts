import type { Change, Stored, WriteResult } from '../core/change.ts'
import { type Key, keys } from '../core/keys.ts'
import type { Store } from '../core/ports/deciding.ts'
import type { Run } from '../core/records/run.ts'
import { handleRecordsTogether } from './advance.ts'
import { type Context, writeChangesSingly } from './context.ts'

const PAGE = 500
/** The feed is never so late, but in trouble that has an alarm of its own. */
const LONG_AGO_MS = 5 * 60_000

/**
 * Audits every open run, and every limit with waiters. Returns how many records had to be repaired: what is
 * owed since more than five minutes has been lost by a defect. What may still be on its way is done again uncounted.
 */
export async function auditOpenRuns(context: Context): Promise<number> {
  let repaired = 0
  const runs = await context.ports.store.list({ prefix: keys.run(''), consistency: 'stale' })
  for (const { record } of runs)
    if (record.kind === 'run' && record.status === 'running') repaired += await auditRun(context, record)
  const limits = await context.ports.store.list({ prefix: keys.limits, consistency: 'stale' })
  const waited = limits.filter(({ record }) => record.kind === 'limit' && record.waiting)
  await repairRecords(
    context,
    waited.map(({ key }) => key),
  )
  return repaired
}

/**
 * Derives again what is owed to an open run: messages, bits, frees, wake-ups, releases. It should find nothing to
 * repair; it makes a run go on at once if a process died with a message in its hands, which would come back only later.
 */
export async function auditRun(context: Context, run: Run): Promise<number> {
  const size = context.settings.page ?? PAGE
  let repaired = await repairRecords(context, [keys.run(run.id)])
  for (let start = 0; start < (run.tasks ?? 0); start += size) {
    const count = Math.min(size, (run.tasks ?? 0) - start)
    const page = Array.from({ length: count }, (_, index) => keys.taskRun(run.id, start + index))
    repaired += await repairRecords(context, page)
  }
  return repaired
}

/** Does what is owed by these records, and by the locks that they wait for; how many writes of it are long overdue. */
async function repairRecords(context: Context, wanted: readonly Key[]): Promise<number> {
  const { ports } = context
  const records = (await ports.store.read(wanted)).filter((each) => each !== undefined)
  const overdue = records.filter((record) => hasEndedLongAgo(context, record))
  const counting = countStoreWrites(ports.store)
  const counted = { ...context, ports: { ...ports, store: counting.store } }
  await handleRecordsTogether(
    context,
    records.filter((record) => !overdue.includes(record)),
  )
  await handleRecordsTogether(counted, overdue)
  const locks = new Set(records.flatMap((record) => findAwaitedLock(record) ?? []))
  return counting.writes() + (locks.size === 0 ? 0 : await repairRecords(context, [...locks]))
}

function hasEndedLongAgo({ ports, settings }: Context, record: Stored): boolean {
  const since = LONG_AGO_MS + settings.skewMs
  if (record.kind === 'taskRun')
    return (record.endedAt ?? Number.POSITIVE_INFINITY) < ports.clock.now() - since
  if (record.kind !== 'lock' || record.holder !== undefined) return false
  return (record.lastEndAt ?? Number.POSITIVE_INFINITY) < ports.clock.steady() - since
}

function findAwaitedLock(record: Stored): Key | undefined {
  if (record.kind !== 'taskRun' || record.status !== 'waiting') return undefined
  const { waitsFor } = record
  if (waitsFor === 'target' || waitsFor === 'capacity') return undefined
  return waitsFor?.startsWith(keys.lock('')) ? waitsFor : undefined
}

/** The store, and how many writes through it have moved something on. */
function countStoreWrites(store: Store) {
  let writes = 0
  const count = ({ ok }: WriteResult, changes: readonly Change[]) => {
    if (ok && changes.some(isRepair)) writes++
  }
  const counting: Store = {
    ...store,
    async write(changes) {
      const result = await store.write(changes)
      count(result, changes)
      return result
    },
    async writeEach(changes) {
      const results = await writeChangesSingly(store, changes)
      results.forEach((result, index) => {
        count(result, changes.slice(index, index + 1))
      })
      return results
    },
  }
  return { store: counting, writes: () => writes }
}

/** A task or a run goes on, or a lock is freed; a flag that is left over holds nothing up. */
function isRepair(change: Change): boolean {
  if (change.key.startsWith(keys.lock(''))) return 'set' in change && 'holder' in change.set
  return change.key.startsWith('task/') || change.key.startsWith(keys.run(''))
}
