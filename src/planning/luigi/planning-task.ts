import { SHIM_IN_CONTAINER } from '../../body/luigi-shim.ts'
import type { FoundTask } from '../../core/graph.ts'
import { escapeControlCharacters, formatTaskLabel, makeTaskId } from '../../core/identity.ts'
import type { PlanBounds } from '../../core/limits.ts'
import { mustHave } from '../../core/must-have.ts'
import { formatPlanSpec, type LuigiProgram } from './luigi-program.ts'
import { makeLuigiPolicy } from './luigi-tasks.ts'

/**
 * The task that asks the code of a pipeline of Luigi for all its tasks, in its image: the first of a run where whoever opens the run
 * can start no image. It yields what it has found, and ends with it. It runs as the root's family does: in its pool, with its memory
 * and its secrets.
 */
export function makePlanningTask(
  program: LuigiProgram,
  bounds: PlanBounds | undefined,
  done: ReadonlySet<string>,
): FoundTask {
  const { module, task, params, python, env, folder, families, origin = 'luigi' } = program
  const image = mustHave(program.image, 'image')
  const args = ['-u', SHIM_IN_CONTAINER.path, 'plan-in-run', formatPlanSpec(program, bounds)]
  const { pool, memoryMb, secrets } = families[task] ?? {}
  return {
    id: makeTaskId(origin, { luigi: module, task, params }),
    family: origin,
    params,
    label: escapeControlCharacters(`plan of ${formatTaskLabel(task, params)}`),
    upstreams: [],
    outputs: [],
    command: {
      argv: [python, ...args],
      folder,
      env,
      luigi: {
        ...(program.origin === undefined ? {} : { root: program.origin }),
        plans: { done: [...done] },
      },
    },
    container: {
      image,
      entryPoint: python,
      argv: args,
      env,
      inputs: [SHIM_IN_CONTAINER.input],
      outputs: [],
    },
    policy: makeLuigiPolicy(
      {},
      { resources: {} },
      {
        ...(pool === undefined ? {} : { pool }),
        ...(memoryMb === undefined ? {} : { memoryMb }),
        ...(secrets === undefined ? {} : { secrets }),
      },
    ),
  }
}
