import { pauseSchedule, readSchedule, tickSchedule } from '../engine/schedules.ts'
import type { Home } from '../project/home.ts'
import type { Project } from '../project/load-config.ts'
import { requestForInterval } from '../project/requests.ts'
import { type Starter, startExecution } from './start-run.ts'

/**
 * Starts every interval that is missing, of the pipeline that is named or of all. What is wrong with one pipeline does
 * not stop the others; then it throws, so that the failure is seen and the look is made again.
 */
export function createSchedule(home: Home, project: Project, starter: Starter, machines: string) {
  return async ({ pipeline: wanted }: { pipeline?: string }): Promise<void> => {
    const failures: unknown[] = []
    for (const { name, schedule, params, ...pipeline } of project.pipelines.values()) {
      if (schedule === undefined || (wanted !== undefined && name !== wanted)) continue
      try {
        await beginOnce(home, name)
        await tickSchedule(home.context, name, schedule, async ({ start, end }) => {
          const interval = { start, end }
          const asked = requestForInterval({ ...pipeline, name, schedule, params }, interval)
          const order = { asked, pipeline: name, order: { interval } }
          return (await startExecution(home, starter, machines, order)).run
        })
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('\n'))
  }
}

/** A deployed schedule runs until it is paused; nothing before its first look is looked back at. */
async function beginOnce({ context }: Home, name: string): Promise<void> {
  const { version } = await readSchedule(context, name)
  if (version === 0) await pauseSchedule(context, name, false)
}
