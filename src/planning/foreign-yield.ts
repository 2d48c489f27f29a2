import { readFile } from 'node:fs/promises'
import type { Ending, Job } from '../core/ports/working.ts'
import { recordYieldOutputs } from './output-problems.ts'
import { parsePlanFile } from './plan-format.ts'
import { findCompleteIds, makeForeignTasks, type PlanSurroundings, toFoundTask } from './plan-tasks.ts'

/** The pipeline of whatever commands yield. */
const YIELDED = 'yielded'

/** What a command yielded: lines of the plan format without a header. */
export async function readCommandYield(
  path: string,
  { task }: Job,
  given: Omit<PlanSurroundings, 'folder'>,
): Promise<NonNullable<Ending['yielded']>> {
  const text = await readFile(path, 'utf8')
  const header = JSON.stringify({ plan: 1, pipeline: YIELDED })
  const file = parsePlanFile(`${header}\n${text}`)
  const tasks = [...makeForeignTasks(file, { ...given, folder: task.command?.folder ?? '.' }).values()]
  const complete = await findCompleteIds(given.completeness, tasks)
  const found = tasks.map((each) => toFoundTask(each, complete))
  await recordYieldOutputs(given, found, YIELDED)
  return { roots: found.map(({ id }) => id), found }
}
