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
  const ofLuigi: Ask = async (planned) => {
    ofLuigiTasks ??= (await import('./luigi/luigi-completeness.ts')).makeLuigiCompleteness(startInImage)
    return ofLuigiTasks(planned)
  }
  const ofCommands: Ask = (commands) => areCommandsComplete(commands, surroundings, files)
  const ofBodies: Ask = (known) =>
    makePlanningDefinitions(surroundings).areComplete(known.map((task) => instantiateNamedTask(tasks, task)))
  return {
    areComplete: (planned) =>
      answerByKind(planned, ({ command, family }) => {
        if (command !== undefined) return command.luigi === undefined ? ofCommands : ofLuigi
        return tasks.has(family) ? ofBodies : undefined
      }),
  }
}

/** Tells of each task whether it is complete. */
type Ask = (tasks: CheckableTask[]) => Promise<boolean[]>

/** Asks the tasks of each kind together; those that nothing is asked for are not complete. Answers are in the order of the tasks. */
async function answerByKind(
  tasks: readonly CheckableTask[],
  findAsk: (task: CheckableTask) => Ask | undefined,
): Promise<boolean[]> {
  const numbersOf = new Map<Ask, number[]>()
  for (const [number, task] of tasks.entries()) {
    const ask = findAsk(task)
    if (ask === undefined) continue
    const numbers = numbersOf.get(ask)
    if (numbers === undefined) numbersOf.set(ask, [number])
    else numbers.push(number)
  }
  const answers = tasks.map(() => false)
  for (const [ask, numbers] of numbersOf) {
    const some = await ask(numbers.map((number) => mustHave(tasks[number], 'task')))
    for (const [index, number] of numbers.entries()) answers[number] = some[index] === true
  }
  return answers
}

/** Whether the target of each command exists, asked in bulk; the marker of one without an output. */
async function areCommandsComplete(
  tasks: { id: string; outputs: string[] }[],
  { markers, findUnproven }: Surroundings,
  files: Files,
): Promise<boolean[]> {
  const withFiles: typeof tasks = []
  const without: string[] = []
  for (const task of tasks)
    if (task.outputs.length > 0) withFiles.push(task)
    else without.push(task.id)
  const paths = withFiles.map(({ outputs }) => parseFileUri(mustHave(outputs[0], 'output')).slice(1))
  const exist = await files.existMany(paths)
  const there = withFiles.filter((_, index) => exist[index])
  const unproven = (await findUnproven?.(there)) ?? new Set()
  const kept = await markers.read(without)
  const complete = new Set<string>()
  for (const { id } of there) if (!unproven.has(id)) complete.add(id)
  for (const [index, id] of without.entries()) if (kept[index] !== undefined) complete.add(id)
  return tasks.map(({ id }) => complete.has(id))
}
