import { instantiateNamedTask } from '../body/execute-job.ts'
import { makeBodyFailure } from '../body/failure.ts'
import type { BodyEnd, Ending } from '../core/ports/working.ts'
import { findRequiredTasks } from '../engine/plan-graph.ts'
import { type OutputSurroundings, recordYieldOutputs } from './output-problems.ts'
import type { PlanSurroundings } from './plan-tasks.ts'
import { makePlanningDefinitions } from './planning.ts'

/** The ending of an attempt as its body told it: what was yielded is looked at, with everything that it takes. */
export async function makeAttemptEnding(
  given: OutputSurroundings & Pick<PlanSurroundings, 'limits'>,
  { yielded, ...end }: BodyEnd,
): Promise<Ending> {
  if (yielded === undefined) return end
  try {
    const roots = yielded.map((each) => instantiateNamedTask(given.tasks, each))
    const found = await findRequiredTasks(
      roots,
      makePlanningDefinitions(given.surroundings),
      given.limits.plans,
    )
    await recordYieldOutputs(given, found)
    return { ...end, yielded: { roots: [...new Set(roots.map(({ id }) => id))], found } }
  } catch (error) {
    return { ...end, outcome: 'failed', failure: makeBodyFailure(error) }
  }
}
