import { fileURLToPath } from 'node:url'
import { fileStorage } from '../adapters/files/file-storage.ts'
import type { Completeness } from '../core/ports.ts'
import { planningOf, type Surroundings } from '../define/planning.ts'
import type { TaskDefinition } from '../define/task.ts'
import { instanceOf } from './execute-job.ts'

/**
 * Looks at targets of bodies by their definitions, and of commands by their files. What this process does not define is
 * not complete: a home without a project is only for looking at the state.
 */
export function completenessOf(
  tasks: ReadonlyMap<string, TaskDefinition>,
  surroundings: Surroundings,
): Completeness {
  return {
    areComplete: async (planned) => {
      const commands = planned.filter(({ command }) => command !== undefined)
      const there = await areCommandsComplete(commands, surroundings)
      const known = planned.filter(({ command, family }) => command === undefined && tasks.has(family))
      const instances = known.map((task) => instanceOf(tasks, task))
      const answers = await planningOf(surroundings).areComplete(instances)
      const complete = new Set([
        ...commands.filter((_, index) => there[index]),
        ...known.filter((_, index) => answers[index]),
      ])
      return planned.map((task) => complete.has(task))
    },
  }
}

/** Whether the target of each command exists, asked in bulk; the marker of one without an output. */
async function areCommandsComplete(
  tasks: { id: string; outputs: string[] }[],
  { markers, findUnproven }: Surroundings,
): Promise<boolean[]> {
  const withFiles = tasks.filter(({ outputs }) => outputs.length > 0)
  const paths = withFiles.map(({ outputs }) => fileURLToPath(outputs[0] as string).slice(1))
  const exist = await fileStorage('/').existMany(paths)
  const there = withFiles.filter((_, index) => exist[index])
  const unproven = (await findUnproven?.(there)) ?? new Set()
  const without = tasks.filter(({ outputs }) => outputs.length === 0)
  const kept = await markers.read(without.map(({ id }) => id))
  const complete = new Set([
    ...there.filter(({ id }) => !unproven.has(id)),
    ...without.filter((_, index) => kept[index] !== undefined),
  ])
  return tasks.map((task) => complete.has(task))
}
