import { startLoops } from '../engine/loops.ts'
import { tickSchedule } from '../engine/schedules.ts'
import type { WorkEvents } from '../engine/work.ts'
import { Worker } from '../engine/work.ts'
import type { Home } from './home.ts'
import type { Project } from './load-config.ts'
import { requestForInterval, startRun } from './requests.ts'

/** What the development engine tells. */
export interface DevEvents extends WorkEvents {
  say(line: string): void
}

const TICK_MS = 1_000

/** Runs the engine and the schedules of a project until it is stopped: every run of the state, whoever asked for it. */
export async function runDev(
  home: Home,
  project: Project,
  { concurrency, signal, ...events }: DevEvents & { concurrency: number; signal: AbortSignal },
): Promise<void> {
  const { clock } = home.context.ports
  const worker = new Worker(home.context, { ...events, concurrency })
  const loops = startLoops(home.context, worker)
  const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  while (!signal.aborted) {
    await tickSchedules(home, project, events.say)
    await Promise.race([clock.sleep(TICK_MS), stopped, loops.failed])
  }
  await Promise.race([loops.stop(), loops.failed])
}

/** Looks at every schedule once; what is wrong with one pipeline does not stop the others. */
async function tickSchedules(home: Home, project: Project, say: (line: string) => void): Promise<void> {
  for (const pipeline of project.pipelines.values()) {
    const { schedule, name } = pipeline
    if (schedule === undefined) continue
    try {
      await tickSchedule(home.context, name, schedule, async (span) => {
        const started = await startRun(home, requestForInterval(pipeline, span))
        if (started?.opened) say(`schedule   ${name} starts ${started.run}`)
        return started?.run
      })
    } catch (error) {
      say(`schedule   ${name} cannot start: ${(error as Error).message}`)
    }
  }
}
