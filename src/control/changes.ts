import { z } from 'zod'
import { keys } from '../core/keys.ts'
import type { Run } from '../core/records/run.ts'
import { type AttemptOutcome, hasTaskEnded } from '../core/records/status.ts'
import type { Failure, TaskRun } from '../core/records/task-run.ts'
import { listReadyNumbers } from '../engine/release.ts'
import type { Changes, RunEvent } from './control.ts'
import { countTasks } from './count-tasks.ts'
import type { Home } from './home.ts'
import { readMovingTasks } from './moving-tasks.ts'
import { parseCursor } from './parts.ts'
import type { ChangesQuery } from './schemas.ts'

/** Looking at a run reads most of its tasks: a large one is looked at less often. */
const LOOK_MS = 1_000
const LARGE = 5_000
const LARGE_LOOK_MS = 15_000
/** Clocks of hosts differ, and lists may miss recent writes: this far back events are told again. */
const LATE_MS = 60_000

/** Up to which instant the events of each run were told. */
const CURSOR = z.record(z.string(), z.number())

type State = Changes['runs'][number]

/** What has happened in runs since the answer that a cursor is of. */
export async function readRunChanges(
  home: Home,
  { runs: ids, cursor, since: start = 0, counts }: z.output<typeof ChangesQuery>,
): Promise<Changes> {
  const { store, clock } = home.context.ports
  const now = clock.now()
  const since = cursor === undefined ? {} : parseCursor(CURSOR, cursor)
  const records = await store.read(ids.map(keys.run))
  const events: RunEvent[] = []
  const states: State[] = []
  for (const run of records) {
    if (run === undefined) continue
    const from = since[run.id] ?? start
    const { tasks, counts: found } = await readMovingTasks(home, run, from)
    for (const event of await listRunEvents(home, run, tasks, from)) events.push(event)
    if (counts) {
      const isPut =
        run.status !== 'running' || (await listReadyNumbers(home.context.ports, run, 1)).length === 0
      events.push({ event: 'counts', run: run.id, counts: isPut ? found : await countTasks(home, run) })
    }
    states.push({ run: run.id, status: run.status, ...findMovement(tasks) })
  }
  const size = records.reduce((sum, run) => sum + (run?.tasks ?? 0), 0)
  return {
    events: events.sort((a, b) => readEventInstant(a) - readEventInstant(b)),
    runs: states,
    next: JSON.stringify(Object.fromEntries(states.map(({ run }) => [run, now - LATE_MS]))),
    lookAgainMs: size > LARGE ? LARGE_LOOK_MS : LOOK_MS,
  }
}

/** Counts are of now, so they come after all that has happened. */
const readEventInstant = (event: RunEvent) => ('at' in event ? event.at : Number.MAX_SAFE_INTEGER)

async function listRunEvents(home: Home, run: Run, tasks: TaskRun[], since: number): Promise<RunEvent[]> {
  const moved = tasks.filter(
    ({ status, startedAt = 0, endedAt = 0 }) =>
      (status === 'running' && startedAt >= since) ||
      (hasTaskEnded(status) && status !== 'complete' && endedAt >= since),
  )
  const planned = await home.context.ports.plans.tasks(
    run.id,
    moved.map(({ number }) => number),
  )
  return moved.map((task, index) => makeTaskEvent(task, planned[index]?.label ?? String(task.number)))
}

function makeTaskEvent(task: TaskRun, label: string): RunEvent {
  const { run, number, attempt, status, startedAt, endedAt, failure } = task
  const ofTask = { run, number, task: label, attempt }
  switch (status) {
    case 'succeeded':
    case 'failed':
    case 'cancelled':
    case 'upstream_failed':
      return {
        event: 'task_ended',
        ...ofTask,
        at: endedAt ?? 0,
        outcome: status === 'failed' ? (attemptOutcome(failure?.outcome) ?? status) : status,
        tookMs: startedAt === undefined || endedAt === undefined ? null : Math.max(0, endedAt - startedAt),
        message: failure?.message ?? null,
      }
    default:
      return { event: 'task_started', ...ofTask, at: startedAt ?? 0 }
  }
}

/** A failure that no attempt had: its definition threw, or another run's task failed. */
const attemptOutcome = (outcome: Failure['outcome'] | undefined): AttemptOutcome | undefined =>
  outcome === 'planning' || outcome === 'adopted' ? undefined : outcome

/** Whether a body runs, and whether all that can move waits for targets that others make. */
function findMovement(tasks: TaskRun[]): Pick<State, 'isMoving' | 'onlyAwaits'> {
  const moving = tasks.filter(
    ({ status }) => !hasTaskEnded(status) && status !== 'pending' && status !== 'expanding',
  )
  return {
    isMoving: moving.some(({ status }) => status === 'running'),
    onlyAwaits: moving.length > 0 && moving.every(({ waitsFor }) => waitsFor === 'target'),
  }
}
