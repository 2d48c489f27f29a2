import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { fileStorage } from '../adapters/files/file-storage.ts'
import type { Ending, Job } from '../core/ports.ts'
import { parsePlan } from '../define/plan-format.ts'
import type { Markers } from '../define/targets/marker.ts'
import { foreignTasks, type PlanSurroundings } from './plan-tasks.ts'

/** Whether the target of each command exists, asked in bulk; the marker of one without an output. */
export async function areCommandsComplete(
  tasks: { id: string; outputs: string[] }[],
  markers: Markers,
): Promise<boolean[]> {
  const withFiles = tasks.filter(({ outputs }) => outputs.length > 0)
  const paths = withFiles.map(({ outputs }) => fileURLToPath(outputs[0] as string).slice(1))
  const there = await fileStorage('/').existMany(paths)
  const without = tasks.filter(({ outputs }) => outputs.length === 0)
  const kept = await markers.read(without.map(({ id }) => id))
  const complete = new Set([
    ...withFiles.filter((_, index) => there[index]),
    ...without.filter((_, index) => kept[index] !== undefined),
  ])
  return tasks.map((task) => complete.has(task))
}

/** What a command yielded: lines of the plan format without a header. */
export async function readYield(
  path: string,
  { task }: Job,
  given: Omit<PlanSurroundings, 'folder'>,
): Promise<NonNullable<Ending['yielded']>> {
  const text = await readFile(path, 'utf8')
  const header = JSON.stringify({ plan: 1, pipeline: 'yielded' })
  const file = parsePlan(`${header}\n${text}`)
  const tasks = foreignTasks(file, { ...given, folder: task.command?.folder ?? '.' })
  const all = [...tasks.values()].map(({ found }) => found)
  const commands = all.filter(({ command }) => command !== undefined)
  const there = await areCommandsComplete(commands, given.surroundings.markers)
  const complete = new Set(commands.filter((_, index) => there[index]))
  const found = all.map((each) =>
    complete.has(each) ? { ...each, complete: true as const, upstreams: [] } : each,
  )
  return { roots: found.map(({ id }) => id), found }
}
