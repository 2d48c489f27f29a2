import { availableParallelism } from 'node:os'
import { Interrupt } from '../core/interrupt.ts'
import { keys } from '../core/keys.ts'
import { isRunOpen } from '../core/records/status.ts'
import { auditRun } from '../engine/audit.ts'
import type { ClaimedAttempt } from '../engine/claim.ts'
import { type Loops, startEngineLoops } from '../engine/loops.ts'
import { type WorkEvents, Worker } from '../engine/work.ts'
import { makePlaceCounter } from './awaiting.ts'
import type { Follow, FollowEnd, RunEvent } from './control.ts'
import { countTasks } from './count-tasks.ts'
import type { Home } from './home.ts'
import { startIdleWait } from './idle-wait.ts'
import { makeRunTaker } from './take-runs.ts'

/** Nothing could start for so long: following ends. */
const WAIT_MS = 60_000
const COUNT_MS = 200
/** What an attempt may take to end after it was asked to. */
export const GRACE_MS = 10_000

/** Makes a run that was left behind go on at once. */
export async function resumeRun({ context }: Home, run: string): Promise<void> {
  const [record] = await context.ports.store.read([keys.run(run)])
  if (record?.kind === 'run') await auditRun(context, record)
}

/** Works on runs until they end, wait for too long, or are stopped; they go on with the next call. */
export async function* workOnRuns(home: Home, query: Follow): AsyncGenerator<RunEvent> {
  let events: RunEvent[] = []
  let news = Promise.withResolvers<void>()
  let hasEnded = false
  const emit = (event: RunEvent) => {
    events.push(event)
    news.resolve()
  }
  // Ends the work also if nothing takes its events any more.
  const stop = new AbortController()
  const onAbort = () => {
    emit({ event: 'stopping', graceMs: GRACE_MS })
    stop.abort()
  }
  query.signal?.addEventListener('abort', onAbort)
  const work = followWorker(home, { ...query, signal: stop.signal }, putEndsLast(emit)).finally(() => {
    hasEnded = true
    news.resolve()
  })
  work.catch(() => {})
  try {
    while (!hasEnded || events.length > 0) {
      const some = events
      events = []
      news = Promise.withResolvers()
      // `yield*` would take four promises more for each event.
      for (const event of some) yield event
      if (events.length === 0 && !hasEnded) await news.promise
    }
    yield { event: 'end', end: await work }
  } finally {
    query.signal?.removeEventListener('abort', onAbort)
    stop.abort()
    await work.catch(() => {})
  }
}

type Emit = (event: RunEvent) => void

async function followWorker(
  home: Home,
  query: Follow & { signal: AbortSignal },
  emit: Emit,
): Promise<FollowEnd> {
  const active = new Set<string>()
  const concurrency = query.concurrency ?? availableParallelism()
  const worker = new Worker(home.context, { ...makeWorkEvents(emit), concurrency, runs: () => [...active] })
  const loops = startEngineLoops(home.context, worker)
  const announcement = home.presence?.announce()
  const counting = query.counts ? startCounting(home, active, emit) : undefined
  try {
    const worksOn = (runs: readonly string[]) => announcement?.worksOn(runs)
    const end = await untilEnd(home, query, { active, worker, loops, worksOn, emit })
    await loops.wait(loops.stop())
    return end
  } finally {
    counting?.stop()
    announcement?.leave()
  }
}

/** A worker tells of the end of an attempt after it has written it, which may have ended the run: that end comes last. */
function putEndsLast(emit: Emit): Emit {
  const running = new Map<string, number>()
  const held = new Map<string, RunEvent>()
  const count = (run: string, change: number) => {
    const left = (running.get(run) ?? 0) + change
    running.set(run, left)
    const end = held.get(run)
    if (left > 0 || end === undefined) return
    held.delete(run)
    emit(end)
  }
  return (event) => {
    if (event.event === 'run_ended' && (running.get(event.run) ?? 0) > 0) held.set(event.run, event)
    else emit(event)
    if (event.event === 'task_started') count(event.run, 1)
    if (event.event === 'task_ended') count(event.run, -1)
  }
}

/** What a worker does, as events. */
export function makeWorkEvents(emit: Emit): WorkEvents {
  const ofTask = ({ task, planned }: ClaimedAttempt) => ({
    run: task.run,
    number: task.number,
    task: planned.label,
    attempt: task.attempt,
  })
  return {
    onStart: (claimed) =>
      emit({ event: 'task_started', ...ofTask(claimed), at: claimed.task.startedAt ?? Date.now() }),
    onProgress: (claimed, progress) =>
      emit({ event: 'task_progress', ...ofTask(claimed), at: Date.now(), progress }),
    onEnd(claimed, { outcome, failure }) {
      const at = Date.now()
      const tookMs = Math.max(0, at - (claimed.task.startedAt ?? at))
      emit({
        event: 'task_ended',
        ...ofTask(claimed),
        at,
        outcome,
        tookMs,
        message: failure?.message ?? null,
      })
    },
  }
}

/** Counts the tasks of runs again and again; it may take a twentieth of the time at most. */
function startCounting(home: Home, runs: ReadonlySet<string>, emit: Emit): { stop(): void } {
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  const count = async () => {
    const began = Date.now()
    for (const id of runs) {
      const [run] = await home.context.ports.store.read([keys.run(id)])
      if (run?.kind === 'run' && run.tasks !== undefined)
        emit({ event: 'counts', run: id, counts: await countTasks(home, run) })
    }
    if (!isStopped) timer = setTimeout(again, Math.max(COUNT_MS, 20 * (Date.now() - began)))
  }
  // Counts are for people to watch: what cannot be read now is counted the next time.
  const again = () => void count().catch(() => {})
  again()
  return {
    stop() {
      isStopped = true
      clearTimeout(timer)
    },
  }
}

interface FollowedWork {
  active: Set<string>
  worker: Worker
  loops: Loops
  /** Tells other processes on which runs this one works. */
  worksOn(runs: readonly string[]): void
  emit: Emit
}

async function untilEnd(
  home: Home,
  query: Follow & { signal: AbortSignal },
  { active, worker, loops, worksOn, emit }: FollowedWork,
): Promise<FollowEnd> {
  const { clock } = home.context.ports
  const { signal, waitMs = WAIT_MS } = query
  const stopping = new Interrupt()
  signal.addEventListener('abort', () => stopping.end())
  const idleWait = startIdleWait(home, active, loops, waitMs)
  const takeRuns = makeRunTaker(query.runs)
  const placesFor = makePlaceCounter(home, query.maxActive ?? Number.POSITIVE_INFINITY)
  while (!signal.aborted) {
    const before = active.size
    const idle = clock.listen('events')
    await removeEndedRuns(home, active, emit)
    const left = active.size
    await takeRuns(active, () => placesFor([...active]))
    if (active.size === 0) return 'ended'
    if (left !== before || active.size !== left) worksOn([...active])
    if (worker.running > 0 || active.size !== before) idleWait.restart()
    if (await idleWait.isOver()) return 'waiting'
    await loops.wait(stopping.wait(idle(500)))
  }
  return 'stopped'
}

async function removeEndedRuns({ context }: Home, active: Set<string>, emit: Emit): Promise<void> {
  const ids = [...active]
  const records = await context.ports.store.read(ids.map(keys.run))
  ids.forEach((id, index) => {
    const run = records[index]
    if (run !== undefined && isRunOpen(run.status)) return
    active.delete(id)
    if (run !== undefined) emit({ event: 'run_ended', run: id, status: run.status })
  })
}
