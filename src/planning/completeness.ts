import { instantiateNamedTask } from '../body/execute-job.ts'
import type { Surroundings } from '../body/outputs.ts'
import { mustHave } from '../core/must-have.ts'
import type { CheckableTask, Completeness } from '../core/ports/deciding.ts'
import type { Storage } from '../core/ports/working.ts'
import type { TaskDefinition } from '../define/task.ts'
import { parseFileUri } from './file-uris.ts'
import type { StartInImage } from './luigi/ask-python.ts'
import type { makeLuigiCompleteness } from './luigi/luigi-completeness.ts'
import { makePlanningDefinitions } from './planning.ts'

/** The files of this machine, by their paths without the first slash: targets of commands. */
type Files = Pick<Storage, 'existMany'>

/**
 * Looks at targets of bodies by their definitions, and of commands by their files; tasks of Luigi are asked themselves. What this process does not define is
 * not complete: a home without a project is only for looking at the state.
 */
export function makeCompleteness(
  tasks: ReadonlyMap<string, TaskDefinition>,
  surroundings: Surroundings,
  files: Files,
  startInImage?: StartInImage,
): Completeness {
  let ofLuigiTasks: ReturnType<typeof makeLuigiCompleteness> | undefined
  async function findCompleteOfLuigi(planned: readonly CheckableTask[]): Promise<boolean[]> {
    if (planned.length === 0) return []
    ofLuigiTasks ??= (await import('./luigi/luigi-completeness.ts')).makeLuigiCompleteness(startInImage)
    return ofLuigiTasks(planned)
  }
  return {
    areComplete: async (planned) => {
      const ofLuigi = planned.filter(({ command }) => command?.luigi !== undefined)
      const doneOfLuigi = await findCompleteOfLuigi(ofLuigi)
      const commands = planned.filter(({ command }) => command !== undefined && command.luigi === undefined)
      const there = await areCommandsComplete(commands, surroundings, files)
      const known = planned.filter(({ command, family }) => command === undefined && tasks.has(family))
      const instances = known.map((task) => instantiateNamedTask(tasks, task))
      const answers = await makePlanningDefinitions(surroundings).areComplete(instances)
      const complete = new Set([
        ...ofLuigi.filter((_, index) => doneOfLuigi[index]),
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
  files: Files,
): Promise<boolean[]> {
  const withFiles = tasks.filter(({ outputs }) => outputs.length > 0)
  const paths = withFiles.map(({ outputs }) => parseFileUri(mustHave(outputs[0], 'output')).slice(1))
  const exist = await files.existMany(paths)
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
