import { instanceOf } from '../body/execute-job.ts'
import { failureOfBody } from '../body/failure.ts'
import type { BodyEnd, Ending } from '../core/ports.ts'
import { findTasks } from '../engine/plan-graph.ts'
import { type OutputSurroundings, refuseYield } from './output-problems.ts'
import type { PlanSurroundings } from './plan-tasks.ts'
import { planningOf } from './planning.ts'

/** The ending of an attempt as its body told it: what was yielded is looked at, with everything that it takes. */
export async function conclude(
  given: OutputSurroundings & Pick<PlanSurroundings, 'limits'>,
  { yielded, ...end }: BodyEnd,
): Promise<Ending> {
  if (yielded === undefined) return end
  try {
    const roots = yielded.map((each) => instanceOf(given.tasks, each))
    const found = await findTasks(roots, planningOf(given.surroundings), given.limits.plans)
    await refuseYield(given, found)
    return { ...end, yielded: { roots: [...new Set(roots.map(({ id }) => id))], found } }
  } catch (error) {
    return { ...end, outcome: 'failed', failure: failureOfBody(error) }
  }
}
