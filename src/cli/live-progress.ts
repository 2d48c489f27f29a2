import logUpdate from 'log-update'
import { hasTaskEnded } from '../core/records/status.ts'
import { attemptText, type EventOf, formatStopping, type ProgressView } from './progress.ts'
import { formatDuration, renderOutcome } from './render/text.ts'

const REDRAW_MS = 200
const SHOWN = 8

/** Counts, what runs, elapsed and estimated time, redrawn in place on a terminal. */
export function makeLiveProgress(concurrency: number): ProgressView {
  const startedAt = Date.now()
  const running = new Map<number, EventOf<'task_started' | 'task_progress'>>()
  const started = new Map<number, number>()
  let counts: EventOf<'counts'>['counts'] = {}
  let finished = 0
  let spentMs = 0

  function draw(): void {
    const entries = Object.entries(counts) as [keyof typeof counts, number][]
    const all = entries.reduce((sum, [, count]) => sum + count, 0)
    const ended = entries.reduce((sum, [status, count]) => sum + (hasTaskEnded(status) ? count : 0), 0)
    const left = all - ended
    const estimate =
      finished > 0 && left > 0
        ? ` · about ${formatDuration(((spentMs / finished) * left) / Math.min(concurrency, left))} left`
        : ''
    const parts = [`${ended}/${all} done`, `${running.size} running`]
    if (counts.failed) parts.push(`${counts.failed} failed`)
    const rows = [...running.values()]
      .slice(0, SHOWN)
      .map((event) => runningLine(event, started.get(event.number) ?? event.at))
    const hidden = running.size - rows.length
    if (hidden > 0) rows.push(`  … and ${hidden} more`)
    logUpdate(
      [`${parts.join(' · ')} · ${formatDuration(Date.now() - startedAt)}${estimate}`, ...rows].join('\n'),
    )
  }

  const timer = setInterval(draw, REDRAW_MS)
  const print = (line: string) => {
    logUpdate.clear()
    console.log(line)
  }
  return {
    wantsCounts: true,
    say: print,
    show(event) {
      switch (event.event) {
        case 'task_started':
          started.set(event.number, event.at)
          running.set(event.number, event)
          return
        case 'task_progress':
          running.set(event.number, event)
          return
        case 'task_ended': {
          const { outcome, task, message } = event
          running.delete(event.number)
          finished++
          spentMs += event.tookMs ?? 0
          if (outcome !== 'succeeded' && outcome !== 'yielded')
            print(
              `${renderOutcome(outcome)} ${task}${attemptText(event)}${message === null ? '' : `: ${message}`}`,
            )
          return
        }
        case 'counts':
          counts = event.counts
          return
        case 'stopping':
          print(formatStopping(event))
      }
    },
    stop() {
      clearInterval(timer)
      logUpdate.clear()
    },
  }
}

function runningLine(event: EventOf<'task_started' | 'task_progress'>, startedAt: number): string {
  const progress = event.event === 'task_progress' ? event.progress : undefined
  const of = progress?.total === undefined ? '' : `/${progress.total}`
  // Without an end, nothing done says less than the text.
  const count = progress?.text && progress.done === 0 && of === '' ? '' : ` ${progress?.done}${of}`
  const how = progress ? `${count}${progress.text ? ` ${progress.text}` : ''}` : ''
  return `  ${event.task}${attemptText(event)}${how} ${formatDuration(Date.now() - startedAt)}`
}
