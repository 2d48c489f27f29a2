import { readFile } from 'node:fs/promises'
import type { Ending, Job } from '../core/ports.ts'
import { refuseYield } from './output-problems.ts'
import { parsePlan } from './plan-format.ts'
import { asFound, completeIds, foreignTasks, type PlanSurroundings } from './plan-tasks.ts'

/** The pipeline of whatever commands yield. */
const YIELDED = 'yielded'

/** What a command yielded: lines of the plan format without a header. */
export async function readYield(
  path: string,
  { task }: Job,
  given: Omit<PlanSurroundings, 'folder'>,
): Promise<NonNullable<Ending['yielded']>> {
  const text = await readFile(path, 'utf8')
  const header = JSON.stringify({ plan: 1, pipeline: YIELDED })
  const file = parsePlan(`${header}\n${text}`)
  const tasks = [...foreignTasks(file, { ...given, folder: task.command?.folder ?? '.' }).values()]
  const complete = await completeIds(given.completeness, tasks)
  const found = tasks.map((each) => asFound(each, complete))
  await refuseYield(given, found, YIELDED)
  return { roots: found.map(({ id }) => id), found }
}
