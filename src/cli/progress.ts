import logUpdate from 'log-update'
import type { Home } from '../control/home.ts'
import type { Stored } from '../core/change.ts'
import { keys } from '../core/keys.ts'
import { hasEnded, type Progress, type TaskRun } from '../core/model.ts'
import type { Claimed } from '../engine/claim.ts'
import { readyOf } from '../engine/release.ts'
import type { WorkEvents } from '../engine/work.ts'
import { outcomeText, took } from './render/text.ts'

/** Shows how a run goes on. */
export interface ProgressView extends WorkEvents {
  say(line: string): void
  stop(): void
}

/** One plain line for each start and end, for logs and pipes; those of one turn of the event loop are written together. */
export function plainProgress(print: (text: string) => void): ProgressView {
  let lines: string[] = []
  const flush = () => {
    if (lines.length > 0) print(lines.join('\n'))
    lines = []
  }
  const write = (line: string) => {
    if (lines.length === 0) setImmediate(flush)
    lines.push(line)
  }
  return {
    say(line) {
      write(line)
      flush()
    },
    onStart: ({ planned, task }) => write(`start      ${planned.label}${attemptText(task)}`),
    onEnd: ({ planned, task }, ending) => {
      const time = took(Date.now() - (task.startedAt ?? Date.now()))
      const why = ending.failure ? `: ${ending.failure.message}` : ''
      write(`${ending.outcome.padEnd(10)} ${planned.label}${attemptText(task)} ${time}${why}`)
    },
    stop: flush,
  }
}

/** No lines at all, for `--json`. */
export const silentProgress = (): ProgressView => ({ say() {}, stop() {} })

const attemptText = ({ attempt }: TaskRun) => (attempt > 1 ? ` (attempt ${attempt})` : '')

const REDRAW_MS = 200
const SHOWN = 8

/** Counts, what runs, elapsed and estimated time, redrawn in place on a terminal. */
export function liveProgress(home: Home, run: string, concurrency: number): ProgressView {
  const startedAt = Date.now()
  const running = new Map<string, { claimed: Claimed; progress?: Progress }>()
  let tasks: TaskRun[] = []
  /** Tasks that have no record yet. */
  let unreleased = 0
  let finished = 0
  let spentMs = 0
  let nextCount = 0

  async function count(): Promise<void> {
    const began = Date.now()
    nextCount = Number.POSITIVE_INFINITY
    const { ports } = home.context
    const [record] = await ports.store.read([keys.run(run)])
    unreleased = record?.kind === 'run' ? (await readyOf(ports, record)).length : 0
    const records = await ports.store.list({ prefix: keys.taskRuns(run), consistency: 'stale' })
    tasks = records.map(({ record }) => record as Stored<TaskRun>).filter((task) => !task.join)
    // Counting may take a twentieth of the time at most.
    nextCount = Date.now() + Math.max(REDRAW_MS, 20 * (Date.now() - began))
  }

  function draw(): void {
    if (Date.now() >= nextCount) void count().catch(() => {})
    const ended = tasks.filter((task) => hasEnded(task.status)).length
    const failed = tasks.filter((task) => task.status === 'failed').length
    const all = tasks.length + unreleased
    const left = all - ended
    const estimate =
      finished > 0 && left > 0
        ? ` · about ${took(((spentMs / finished) * left) / Math.min(concurrency, left))} left`
        : ''
    const parts = [`${ended}/${all} done`, `${running.size} running`]
    if (failed > 0) parts.push(`${failed} failed`)
    const rows = [...running.values()].slice(0, SHOWN).map(runningLine)
    const hidden = running.size - rows.length
    if (hidden > 0) rows.push(`  … and ${hidden} more`)
    logUpdate([`${parts.join(' · ')} · ${took(Date.now() - startedAt)}${estimate}`, ...rows].join('\n'))
  }

  void count().catch(() => {})
  const timer = setInterval(draw, REDRAW_MS)
  const print = (line: string) => {
    logUpdate.clear()
    console.log(line)
  }
  return {
    say: print,
    onStart: (claimed) => running.set(claimed.nonce, { claimed }),
    onProgress: (claimed, progress) => running.set(claimed.nonce, { claimed, progress }),
    onEnd({ nonce, task, planned }, ending) {
      running.delete(nonce)
      finished++
      spentMs += Date.now() - (task.startedAt ?? Date.now())
      const why = ending.failure ? `: ${ending.failure.message}` : ''
      if (ending.outcome !== 'succeeded' && ending.outcome !== 'yielded')
        print(`${outcomeText(ending.outcome)} ${planned.label}${attemptText(task)}${why}`)
    },
    stop() {
      clearInterval(timer)
      logUpdate.clear()
    },
  }
}

function runningLine({ claimed, progress }: { claimed: Claimed; progress?: Progress }): string {
  const time = took(Date.now() - (claimed.task.startedAt ?? Date.now()))
  const of = progress?.total === undefined ? '' : `/${progress.total}`
  const how = progress ? ` ${progress.done}${of}${progress.text ? ` ${progress.text}` : ''}` : ''
  return `  ${claimed.planned.label}${attemptText(claimed.task)}${how} ${time}`
}
