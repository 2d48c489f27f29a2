import type { Home } from '../../../control/home.ts'
import { makeScheduledRequest } from '../../../control/requests.ts'
import { type Firing, makeScheduleIntervals } from '../../../core/calendar.ts'
import type { Pipeline } from '../../../define/pipeline.ts'
import type { Schedule } from '../../../define/schedule.ts'
import {
  readSchedule,
  setSchedulePaused,
  tickSchedule,
  type UnstartedInterval,
} from '../../../engine/schedules.ts'
import type { Project } from '../../../project/load-config.ts'
import { joinOrStartExecution, type Starter } from './start-run.ts'

type ScheduledPipeline = Pipeline & { schedule: Schedule }

/** What a look is for: one pipeline, or those whose schedule has just fired; else all. */
export interface ScheduleEvent {
  pipeline?: string
  only?: 'fired'
}

/** A look comes each minute, perhaps a minute late, and again if it has failed: three minutes miss no firing. */
const FIRED_MS = 3 * 60_000

/**
 * Starts every interval that is missing, of the pipelines that are looked at. What is wrong with one pipeline does
 * not stop the others; then it throws, so that the failure is seen and the look is made again.
 */
export function makeScheduleHandler(home: Home, project: Project, starter: Starter, machines: string) {
  async function look(pipeline: ScheduledPipeline): Promise<void> {
    const { name, schedule } = pipeline
    await beginOnce(home, name)
    const unstarted = await tickSchedule(home.context, name, schedule, async (interval) => {
      const asked = makeScheduledRequest(pipeline, interval)
      const { start, end } = interval
      const order = { asked, pipeline: name, order: { interval: { start, end } } }
      return (await joinOrStartExecution(home, starter, machines, order)).run
    })
    if (unstarted.length > 0) throw new Error(unstartedText(name, unstarted))
  }

  return async (event: ScheduleEvent): Promise<void> => {
    const failures: unknown[] = []
    for (const pipeline of project.pipelines.values())
      try {
        const { schedule } = pipeline
        if (
          schedule !== undefined &&
          isAsked({ ...pipeline, schedule }, event, home.context.ports.clock.now())
        )
          await look({ ...pipeline, schedule })
      } catch (error) {
        failures.push(error)
      }
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('\n'))
  }
}

const isAsked = (each: ScheduledPipeline, { pipeline, only }: ScheduleEvent, now: number): boolean =>
  (pipeline === undefined || pipeline === each.name) && (only !== 'fired' || hasJustFired(each.schedule, now))

/** Whether a schedule has fired just now. */
export function hasJustFired(schedule: Firing, now: number): boolean {
  return makeScheduleIntervals(schedule).endedBefore(now).end > now - FIRED_MS
}

/** A deployed schedule runs until it is paused; nothing before its first look is looked back at. */
async function beginOnce({ context }: Home, name: string): Promise<void> {
  const { version } = await readSchedule(context, name)
  if (version === 0) await setSchedulePaused(context, name, false)
}

const unstartedText = (name: string, unstarted: UnstartedInterval[]) =>
  unstarted
    .map(({ span, error }) => `${name} ${new Date(span.start).toISOString()}: ${error.message}`)
    .join('\n')
