import { readFile } from 'node:fs/promises'
import type { Ending, Job } from '../core/ports/working.ts'
import { readLuigiYield } from './luigi/luigi-yield.ts'
import { recordYieldOutputs } from './output-problems.ts'
import { parsePlanFile } from './plan-format.ts'
import { findCompleteIds, makeForeignTasks, type PlanSurroundings, toFoundTask } from './plan-tasks.ts'

/** The pipeline of whatever commands yield. */
const YIELDED = 'yielded'

/** What a command yielded: lines of the plan format without a header, or what a task of Luigi has written. */
export async function readCommandYield(
  path: string,
  job: Job,
  given: Omit<PlanSurroundings, 'folder'>,
): Promise<NonNullable<Ending['yielded']>> {
  const text = await readFile(path, 'utf8')
  const { command } = job.task
  if (command?.luigi !== undefined) return readLuigiYield(text, job, given)
  const header = JSON.stringify({ plan: 1, pipeline: YIELDED })
  const file = parsePlanFile(`${header}\n${text}`)
  const tasks = [...makeForeignTasks(file, { ...given, folder: command?.folder ?? '.' }).values()]
  const complete = await findCompleteIds(given.completeness, tasks)
  const found = tasks.map((each) => toFoundTask(each, complete))
  await recordYieldOutputs(given, found, YIELDED)
  return { roots: found.map(({ id }) => id), found }
}
