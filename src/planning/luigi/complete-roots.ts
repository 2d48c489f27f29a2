import { mustHave } from '../../core/must-have.ts'
import type { TaskInstance } from '../../define/task.ts'
import { askPython, type StartInImage } from './ask-python.ts'
import { findLuigiProgram, formatTaskSpec } from './luigi-program.ts'

/**
 * Whether roots of one pipeline of Luigi are complete, by their own `complete()`; one process is asked for all of them. Where no image
 * can be started, none counts as complete: the run of each finds it out. Throws what has to be corrected in the code.
 */
export async function areLuigiRootsComplete(
  roots: readonly TaskInstance[],
  startInImage: StartInImage | undefined,
): Promise<boolean[]> {
  const answers = roots.map(() => false)
  const programs = roots.map((root) => mustHave(findLuigiProgram(root), 'program of a root'))
  const [program] = programs
  if (program === undefined || (program.image !== undefined && startInImage === undefined)) return answers
  const lines = programs.map(({ module, task, params }) => JSON.stringify({ module, family: task, params }))
  const question = {
    mode: 'complete',
    spec: formatTaskSpec(program),
    input: lines.map((line) => `${line}\n`).join(''),
  } as const
  await askPython(program, startInImage, question, (line) => {
    if ('number' in line) answers[line.number] = line.complete
  })
  return answers
}
