import { setTimeout as sleep } from 'node:timers/promises'
import type { Home } from '../../control/home.ts'
import type { Stored } from '../../core/change.ts'
import { keys } from '../../core/keys.ts'
import { hasEnded, isOpen, type Run, type TaskRun } from '../../core/model.ts'
import { took } from '../render/text.ts'

/** How following ended. */
export type RemoteEnd = 'ended' | 'waiting' | 'stopped'

const LOOK_MS = 1_000
/** Looking at all tasks takes a call for each thousand of them. */
const LARGE = 5_000
const LARGE_LOOK_MS = 15_000

/** How a run is followed. */
export interface FollowRemote {
  say(line: string): void
  /** Gives up when nothing has moved for so long. @default never */
  waitMs?: number
  /** Aborted to stop following; the run goes on. */
  signal: AbortSignal
}

/** Follows a run of a deployment to its end, a line for each task that ends. */
export async function followRemote(
  home: Home,
  id: string,
  { say, waitMs, signal }: FollowRemote,
): Promise<RemoteEnd> {
  const { store } = home.context.ports
  const told = new Map<number, string>()
  const since = { moved: Date.now(), looked: 0 }
  const look = async (run: Run, isOver: boolean) => {
    const every = (run.tasks ?? 0) > LARGE ? LARGE_LOOK_MS : LOOK_MS
    if (run.tasks === undefined || (!isOver && Date.now() - since.looked < every)) return
    since.looked = Date.now()
    if (await tellMoves(home, id, told, say)) since.moved = Date.now()
  }
  while (!signal.aborted) {
    const [run] = (await store.read([keys.run(id)])) as [Run?]
    const isOver = run === undefined || !isOpen(run.status)
    if (run !== undefined) await look(run, isOver)
    if (isOver) return 'ended'
    if (waitMs !== undefined && Date.now() - since.moved > waitMs) return 'waiting'
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {})
  }
  return 'stopped'
}

/** Tells of tasks that have moved since; true where there were any, or one runs. */
async function tellMoves(
  { context }: Home,
  id: string,
  told: Map<number, string>,
  say: (line: string) => void,
): Promise<boolean> {
  const { store, plans } = context.ports
  const listed = await store.list({ prefix: keys.taskRuns(id), consistency: 'stale' })
  const tasks = listed.map(({ record }) => record as Stored<TaskRun>).filter(({ join }) => !join)
  const moved = tasks.filter((task) => told.get(task.number) !== stateOf(task))
  for (const task of moved) told.set(task.number, stateOf(task))
  const ended = moved.filter(({ status }) => hasEnded(status) && status !== 'complete')
  const planned = await plans.tasks(
    id,
    ended.map(({ number }) => number),
  )
  ended.forEach(({ status, attempt, startedAt, endedAt, failure }, index) => {
    const time = startedAt === undefined || endedAt === undefined ? '' : ` ${took(endedAt - startedAt)}`
    const which = attempt > 1 ? ` (attempt ${attempt})` : ''
    say(
      `${status.padEnd(10)} ${planned[index]?.label}${which}${time}${failure ? `: ${failure.message}` : ''}`,
    )
  })
  return moved.length > 0 || tasks.some(({ status }) => status === 'running')
}

const stateOf = ({ status, attempt }: TaskRun) => `${status} ${attempt}`
