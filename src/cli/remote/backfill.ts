import { setTimeout as sleep } from 'node:timers/promises'
import { placesOf } from '../../control/awaiting.ts'
import { keys } from '../../core/keys.ts'
import { isOpen, type Params, type Run } from '../../core/model.ts'
import type { Interval } from '../commands/backfill.ts'
import type { Connection } from './connect.ts'
import { start, stopOnSignal } from './run.ts'

const LOOK_MS = 1_000
const BULK = 1_000

/** Marks the intervals whose root is complete; asked of the deployment, which sees the targets. */
export async function markCompleteRemotely(
  { api }: Connection,
  name: string,
  intervals: Interval[],
): Promise<void> {
  for (let from = 0; from < intervals.length; from += BULK) {
    const some = intervals.slice(from, from + BULK)
    const params = some.map(({ asked }) => asked.given)
    const { complete } = await api.post<{ complete: boolean[] }>('/complete', { name, params })
    some.forEach((interval, index) => {
      if (complete[index]) interval.status = 'complete'
    })
  }
}

/** Runs what is not complete, a few at a time. */
export async function backfillRemotely(
  connection: Connection,
  intervals: Interval[],
  maxActive: number,
  say: (line: string) => void,
): Promise<'ended' | 'stopped'> {
  const left = intervals.filter(({ status }) => status !== 'complete')
  say(`${intervals.length} intervals, ${intervals.length - left.length} of them complete`)
  const active = new Map<string, Interval>()
  const { signal } = stopOnSignal()
  const placesFor = placesOf(connection.home, maxActive)
  while (left.length + active.size > 0) {
    const places = left.length === 0 ? 0 : await placesFor([...active.keys()])
    while (active.size < places) {
      const next = left.shift()
      if (next === undefined) break
      const { name, interval } = next.asked.request
      const order = interval === undefined ? {} : { interval }
      const { run } = await start(connection, { name, params: next.asked.given as Params, order })
      active.set(run, Object.assign(next, { run, status: 'running' as const }))
    }
    await dropEnded(connection, active, say)
    if (active.size > 0) await sleep(LOOK_MS, undefined, { signal }).catch(() => {})
    if (signal.aborted) return 'stopped'
  }
  return 'ended'
}

async function dropEnded(
  { home }: Connection,
  active: Map<string, Interval>,
  say: (line: string) => void,
): Promise<void> {
  const ids = [...active.keys()]
  const runs = (await home.context.ports.store.read(ids.map(keys.run))) as (Run | undefined)[]
  for (const run of runs) {
    if (run === undefined || isOpen(run.status)) continue
    const interval = active.get(run.id)
    if (interval !== undefined) interval.status = run.status
    active.delete(run.id)
    say(`${run.status.padEnd(10)} ${interval?.name}`)
  }
}
