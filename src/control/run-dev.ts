import { basename } from 'node:path'
import { describeInterval } from '../core/calendar.ts'
import { readErrorMessage } from '../core/errors.ts'
import { Interrupt } from '../core/interrupt.ts'
import { applyConfiguredLimits } from '../engine/apply-limits.ts'
import { startEngineLoops } from '../engine/loops.ts'
import { tickSchedule } from '../engine/schedules.ts'
import type { WorkEvents } from '../engine/work.ts'
import { Worker } from '../engine/work.ts'
import type { Project } from '../project/load-config.ts'
import { followDefinitions, type ReloadResult } from '../project/reload.ts'
import type { Home } from './home.ts'
import { joinOrStartRun, makeScheduledRequest } from './requests.ts'

/** What the development engine tells. */
export interface DevEvents extends WorkEvents {
  say(line: string): void
}

const TICK_MS = 1_000

/** Runs the engine and the schedules of a project until it is stopped: every run of the state, also those of other commands. */
export async function runDevEngine(
  home: Home,
  project: Project,
  { concurrency, signal, ...events }: DevEvents & { concurrency: number; signal: AbortSignal },
): Promise<void> {
  const { clock } = home.context.ports
  const onUnfit = (run: string, family: string) =>
    events.say(`left       ${run} ${explainUndefinedFamily(project, family)}`)
  const worker = new Worker(home.context, { ...events, onUnfit, concurrency })
  const loops = startEngineLoops(home.context, worker, (count) =>
    events.say(`audit      ${count} records were repaired, which a defect had left behind; please report it`),
  )
  const announcement = home.presence?.announce()
  announcement?.worksOn(undefined)
  const stopping = new Interrupt()
  signal.addEventListener('abort', () => stopping.end())
  const say = makeNewsFilter(events.say)
  const look = followDefinitions(project)
  try {
    while (!signal.aborted) {
      await readAnew(home, worker, await look(), say)
      await tickSchedules(home, project, say)
      await loops.wait(stopping.wait(clock.sleep(TICK_MS)))
    }
    await loops.wait(loops.stop())
  } finally {
    announcement?.leave()
  }
}

/** Lets the engine go on with definitions that were read anew. */
async function readAnew(
  { context }: Home,
  worker: Worker,
  look: ReloadResult,
  say: (name: string, line: string) => void,
): Promise<void> {
  if (look.is === 'same') return
  const files = 'changed' in look ? look.changed.map((path) => basename(path)).join(', ') : ''
  if (look.is === 'wrong')
    return say('', `definitions  not read, and no body starts until they can be: ${look.message}`)
  context.ports.runner.renew?.()
  worker.redefined()
  await applyConfiguredLimits(context)
  say('', `definitions  read anew, for ${files} changed`)
}

/** Why the messages of a run are left. */
const explainUndefinedFamily = ({ unread }: Project, family: string) =>
  unread
    ? 'waits until the definitions can be read'
    : `needs the task ${family}, which this config does not define: it is left to others`

/** Says of each pipeline only what it did not say the last time: a problem stays for many looks. */
function makeNewsFilter(say: (line: string) => void): (name: string, line: string) => void {
  const last = new Map<string, string>()
  return (name, line) => {
    if (last.get(name) === line) return
    last.set(name, line)
    say(line)
  }
}

/** Looks at every schedule once; what is wrong with one pipeline does not stop the others. */
async function tickSchedules(
  home: Home,
  project: Project,
  say: (name: string, line: string) => void,
): Promise<void> {
  for (const pipeline of project.pipelines.values()) {
    const { schedule, name } = pipeline
    if (schedule === undefined) continue
    try {
      const unstarted = await tickSchedule(home.context, name, schedule, async (interval) => {
        const started = await joinOrStartRun(home, makeScheduledRequest(pipeline, interval))
        if (started?.opened) say(name, `schedule   ${name} starts ${started.run}`)
        return started?.run
      })
      for (const { span, error } of unstarted)
        say(
          name,
          `schedule   ${name} cannot start ${describeInterval(span, schedule.timeZone).start}: ${error.message}`,
        )
    } catch (error) {
      say(name, `schedule   ${name} cannot start: ${readErrorMessage(error)}`)
    }
  }
}
