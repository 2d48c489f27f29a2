import { parseTimeSpan, type Span } from '../../core/calendar.ts'
import { SluiceError } from '../../core/errors.ts'
import { findLimitProblems, type Limits } from '../../core/limits.ts'
import type { Plan } from '../../core/plan.ts'
import { checkExportedConfig } from '../../define/config.ts'
import type { Pipeline } from '../../define/pipeline.ts'
import type { SimulateOptions } from './simulation.ts'

/** The limits of a simulation; throws one error with everything that is wrong with it or its pipelines. */
export function makeCheckedLimits(
  pipelines: Pipeline[],
  { pools, resources, budgets }: SimulateOptions,
): Limits {
  const given = {
    ...(pools === undefined ? {} : { pools }),
    ...(resources === undefined ? {} : { resources }),
    ...(budgets === undefined ? {} : { budgets }),
  }
  const { config, problems } = checkExportedConfig({ pipelines, ...given })
  throwProblems([
    ...problems,
    ...pipelines.flatMap((each) => [...each.problems, ...(each.root?.problems ?? [])]),
    ...pipelines
      .filter(({ schedule }) => schedule === undefined)
      .map(({ name }) => `${name} has no schedule`),
  ])
  return config.limits
}

/** Throws if a planned task asks for what is not there: it would never start. */
export function checkPlanLimits({ tasks }: Plan, limits: Limits): void {
  throwProblems(
    tasks.flatMap(({ label, policy }) =>
      findLimitProblems(policy, limits).map((problem) => `${label}: ${problem}`),
    ),
  )
}

function throwProblems(problems: string[]): void {
  if (problems.length === 0) return
  throw new SluiceError('invalid_definition', `It cannot be simulated:\n- ${problems.join('\n- ')}`, {
    hint: 'Give `pools`, `resources` and `budgets` as in the config.',
  })
}

/** The stretch that is simulated. */
export function parseSimulatedRange({ from, to }: SimulateOptions): Span {
  const [first, last] = [parseTimeSpan(from, 'UTC'), parseTimeSpan(to, 'UTC')]
  if (first !== undefined && last !== undefined && first.start <= last.start)
    return { start: first.start, end: last.end }
  throw new SluiceError('invalid_usage', `From ${from} to ${to} is no stretch of time.`, {
    hint: 'Write days such as 2026-03-01, the earlier one first.',
  })
}

/** Times in which nothing runs. */
export function parseOutages({ outages = [] }: SimulateOptions): Span[] {
  return outages.map(({ from, to }) => {
    const span = { start: Date.parse(from), end: Date.parse(to) }
    if (span.start < span.end) return span
    throw new SluiceError('invalid_usage', `The outage from ${from} to ${to} is no stretch of time.`, {
      hint: 'Write instants such as 2026-03-01T12:00:00Z, the earlier one first.',
    })
  })
}
