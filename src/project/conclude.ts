import type { BodyEnd, Ending } from '../core/ports.ts'
import { failureOfBody } from '../define/failure.ts'
import { planningOf, type Surroundings } from '../define/planning.ts'
import type { TaskDefinition } from '../define/task.ts'
import { findTasks } from '../engine/plan-graph.ts'
import { instanceOf } from './execute-job.ts'

/** The ending of an attempt as its body told it: what was yielded is looked at, with everything that it takes. */
export async function conclude(
  tasks: ReadonlyMap<string, TaskDefinition>,
  surroundings: Surroundings,
  { yielded, ...end }: BodyEnd,
): Promise<Ending> {
  if (yielded === undefined) return end
  try {
    const roots = yielded.map((each) => instanceOf(tasks, each))
    const found = await findTasks(roots, planningOf(surroundings))
    return { ...end, yielded: { roots: [...new Set(roots.map(({ id }) => id))], found } }
  } catch (error) {
    return { ...end, outcome: 'failed', failure: failureOfBody(error) }
  }
}
