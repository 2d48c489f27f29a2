import { keys } from '../core/keys.ts'
import type { Loops } from '../engine/loops.ts'
import { canStartNow } from '../engine/why.ts'
import { findMatchingTasks } from './find-tasks.ts'
import type { Home } from './home.ts'

/** What could start and does not start for so long beyond the wait is not only slow. */
const SLOW_MS = 60_000
/** So many of the queued tasks of a run are looked at. */
const LOOKED_AT = 20

/** How long nothing has started. */
export interface IdleWait {
  /** Something runs, or came: the wait begins anew. */
  restart(): void
  /** Nothing could start for the whole wait. A slow machine does not end it: see {@link findMotion}. */
  isOver(): Promise<boolean>
}

/** Begins to wait, for `waitMs` milliseconds, until something of the runs starts. */
export function startIdleWait(
  home: Home,
  runs: ReadonlySet<string>,
  loops: Pick<Loops, 'isDeciding'>,
  waitMs: number,
): IdleWait {
  const { clock } = home.context.ports
  let idleSince = clock.steady()
  const restart = () => {
    idleSince = clock.steady()
  }
  return {
    restart,
    async isOver() {
      const idleMs = clock.steady() - idleSince
      if (idleMs < waitMs) return false
      const motion = await findMotion(home, runs, loops)
      if (motion === 'running') restart()
      return motion === undefined || (motion === 'starting' && idleMs >= waitMs + SLOW_MS)
    },
  }
}

/** Whether an attempt of these runs is running, in this process or in another one, or is about to start. */
async function findMotion(
  home: Home,
  runs: ReadonlySet<string>,
  loops: Pick<Loops, 'isDeciding'>,
): Promise<'running' | 'starting' | undefined> {
  if (await isOneRunning(home, runs)) return 'running'
  return loops.isDeciding || (await isOneStarting(home, runs)) ? 'starting' : undefined
}

async function isOneRunning({ context }: Home, runs: ReadonlySet<string>): Promise<boolean> {
  for (const run of runs) {
    const tasks = await context.ports.store.list({ prefix: keys.taskRuns(run), consistency: 'strong' })
    if (tasks.some(({ record }) => record.status === 'running')) return true
  }
  return false
}

/** Whether a task could start and has not yet. */
async function isOneStarting(home: Home, runs: ReadonlySet<string>): Promise<boolean> {
  for (const run of await home.context.ports.store.read([...runs].map(keys.run))) {
    if (run === undefined) continue
    let looks = 0
    for await (const { task } of findMatchingTasks(home, run, { statuses: ['queued'] })) {
      if (await canStartNow(home.context, run, task)) return true
      if (++looks === LOOKED_AT) break
    }
  }
  return false
}
