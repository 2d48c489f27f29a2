import { readFile } from 'node:fs/promises'
import type { Ending, Job } from '../core/ports.ts'
import { parsePlan } from '../define/plan-format.ts'
import { asFound, completeIds, foreignTasks, type PlanSurroundings } from './plan-tasks.ts'

/** What a command yielded: lines of the plan format without a header. */
export async function readYield(
  path: string,
  { task }: Job,
  given: Omit<PlanSurroundings, 'folder'>,
): Promise<NonNullable<Ending['yielded']>> {
  const text = await readFile(path, 'utf8')
  const header = JSON.stringify({ plan: 1, pipeline: 'yielded' })
  const file = parsePlan(`${header}\n${text}`)
  const tasks = [...foreignTasks(file, { ...given, folder: task.command?.folder ?? '.' }).values()]
  const complete = await completeIds(given.completeness, tasks)
  const found = tasks.map((each) => asFound(each, complete))
  return { roots: found.map(({ id }) => id), found }
}
