import type { Stored } from '../core/change.ts'
import { keys } from '../core/keys.ts'
import { isOpen, type Run, type TaskRun } from '../core/model.ts'
import { audit } from '../engine/audit.ts'
import { type Loops, startLoops } from '../engine/loops.ts'
import { type WorkEvents, Worker } from '../engine/work.ts'
import { placesOf } from './awaiting.ts'
import type { Home } from './home.ts'

/** Makes a run that was left behind go on at once. */
export async function resumeRun({ context }: Home, run: string): Promise<void> {
  const [record] = await context.ports.store.read([keys.run(run)])
  if (record?.kind === 'run') await audit(context, record)
}

/** How following runs ended. */
export type FollowEnd = 'ended' | 'waiting' | 'stopped'

/** How runs are followed. */
export interface FollowOptions extends WorkEvents {
  /** Opens the next run to follow; undefined where there is none left. */
  next(): Promise<string | undefined>
  /** How many are followed at once, beside those that only wait for the target of an external task. */
  maxActive: number
  concurrency: number
  /** Gives up when nothing could start for this time. */
  waitMs: number
  /** Aborted to stop gracefully. */
  signal: AbortSignal
  onRunEnd?(run: Stored<Run>): void
}

/** Works on runs until they end, wait for too long, or are stopped; they go on with the next call. */
export async function followRuns(home: Home, options: FollowOptions): Promise<FollowEnd> {
  const active = new Set<string>()
  const worker = new Worker(home.context, { ...options, runs: () => [...active] })
  const loops = startLoops(home.context, worker)
  const announcement = home.presence?.announce()
  try {
    const worksOn = (runs: readonly string[]) => announcement?.worksOn(runs)
    const end = await untilEnd(home, options, { active, worker, loops, worksOn })
    await Promise.race([loops.stop(), loops.failed])
    return end
  } finally {
    announcement?.leave()
  }
}

interface Following {
  active: Set<string>
  worker: Worker
  loops: Loops
  /** Tells other processes on which runs this one works. */
  worksOn(runs: readonly string[]): void
}

async function untilEnd(
  home: Home,
  options: FollowOptions,
  { active, worker, loops, worksOn }: Following,
): Promise<FollowEnd> {
  const { clock } = home.context.ports
  const { signal, waitMs } = options
  const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  let idleSince = clock.steady()
  const addRuns = runsOf(home, options)
  while (!signal.aborted) {
    const before = active.size
    const idle = clock.listen('events')
    await dropEnded(home, active, options)
    const left = active.size
    await addRuns(active)
    if (active.size === 0) return 'ended'
    if (left !== before || active.size !== left) worksOn([...active])
    if (worker.running > 0 || active.size !== before) idleSince = clock.steady()
    if (clock.steady() - idleSince >= waitMs) {
      if (!(await someoneWorks(home, active))) return 'waiting'
      idleSince = clock.steady()
    }
    await Promise.race([idle(500), stopped, loops.failed])
  }
  return 'stopped'
}

/** Opens runs as long as there are places for them, and more of them. */
function runsOf(home: Home, { next, maxActive }: FollowOptions): (active: Set<string>) => Promise<void> {
  const placesFor = placesOf(home, maxActive)
  let isMore = true
  return async (active) => {
    const places = isMore ? await placesFor([...active]) : 0
    while (isMore && active.size < places) {
      const run = await next()
      if (run === undefined) isMore = false
      else active.add(run)
    }
  }
}

async function dropEnded({ context }: Home, active: Set<string>, { onRunEnd }: FollowOptions): Promise<void> {
  const ids = [...active]
  const records = (await context.ports.store.read(ids.map(keys.run))) as (Stored<Run> | undefined)[]
  ids.forEach((id, index) => {
    const run = records[index]
    if (run !== undefined && isOpen(run.status)) return
    active.delete(id)
    if (run !== undefined) onRunEnd?.(run)
  })
}

async function someoneWorks(home: Home, runs: Iterable<string>): Promise<boolean> {
  for (const run of runs) {
    const tasks = await home.context.ports.store.list({ prefix: keys.taskRuns(run), consistency: 'strong' })
    if (tasks.some(({ record }) => (record as Stored<TaskRun>).status === 'running')) return true
  }
  return false
}
