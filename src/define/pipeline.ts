import type { Interval } from '../core/calendar.ts'
import type { Fields, GivenOf } from './params.ts'
import { findScheduleProblems, type Schedule } from './schedule.ts'
import type { Task, TaskDefinition } from './task.ts'

/** A named root task. */
export interface Pipeline {
  readonly name: string
  readonly root: TaskDefinition
  readonly description?: string
  readonly schedule?: Schedule
  /** The parameters of an interval's run. */
  readonly params?: (interval: Interval) => unknown
  readonly problems: string[]
}

/** What can be said of every pipeline. */
interface AnyOptions<F extends Fields> {
  /** One sentence for `sluice pipelines`. */
  description?: string
  /** When it runs by itself: `daily()`, `hourly()`, `quarterHourly()` or `cron('0 3 * * 0-4')`. @default never */
  schedule?: Schedule
  /** Makes the root's parameters from the interval that a run is for. @default none are given */
  params?: (interval: Interval) => GivenOf<F>
}

/** What else can be said of a pipeline; one with a schedule has `params` if its root needs any. */
export type PipelineOptions<F extends Fields = Fields> = AnyOptions<F> &
  (Record<never, never> extends GivenOf<F>
    ? unknown
    : { schedule?: undefined } | { params: (interval: Interval) => GivenOf<F> })

const NAME = /^[a-z][a-z0-9-]{0,49}$/
const KNOWN = ['description', 'schedule', 'params']

/** Gives a root task a name by which it is run; its parameters are the root's. */
export function pipeline<F extends Fields>(
  name: string,
  // biome-ignore lint/suspicious/noExplicitAny: any family can be a root, whatever it produces
  root: Task<F, any>,
  ...[given]: [PipelineOptions<F>?]
): Pipeline {
  const options: AnyOptions<F> = given ?? {}
  const problems: string[] = []
  const check = (isRight: boolean, problem: string) => {
    if (!isRight) problems.push(`pipeline ${JSON.stringify(name)}: ${problem}`)
  }
  check(NAME.test(name), 'a name is a lower-case letter, then up to 49 lower-case letters, digits or hyphens')
  check(root?.definition !== undefined, 'its root must be a task family, as task() returns it')
  for (const option of Object.keys(options))
    check(KNOWN.includes(option), `there is no option ${option}; there are ${KNOWN.join(', ')}`)
  const { schedule, params, description } = options
  if (schedule !== undefined) for (const problem of findScheduleProblems(schedule)) check(false, problem)
  check(params === undefined || typeof params === 'function', 'params must be a function of the interval')
  return {
    name,
    root: root?.definition,
    problems,
    ...(description === undefined ? {} : { description }),
    ...(schedule === undefined ? {} : { schedule }),
    ...(params === undefined ? {} : { params: params as (interval: Interval) => unknown }),
  }
}

/** Whether a module's export is a pipeline. */
export function isPipeline(value: unknown): value is Pipeline {
  return typeof value === 'object' && value !== null && 'root' in value && 'problems' in value
}
