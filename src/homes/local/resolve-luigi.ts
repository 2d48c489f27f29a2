import { mustHave } from '../../core/must-have.ts'
import { LUIGI_COMMAND, type LuigiCommandParams } from '../../define/luigi-command.ts'
import { instantiateTask } from '../../define/task.ts'
import type { LuigiHeader } from '../../planning/luigi/luigi-lines.ts'
import { findLuigiProgram } from '../../planning/luigi/luigi-program.ts'
import { resolveLuigiRoot } from '../../planning/luigi/plan-luigi.ts'
import { makeImageCommand } from '../../runners/container/image-command.ts'

/** Which task the flags of the command line mean, as Luigi itself reads them. Throws what has to be corrected. */
export function resolveLuigiCommand(
  params: LuigiCommandParams,
): Promise<Pick<LuigiHeader, 'root' | 'workers' | 'notes'>> {
  const root = instantiateTask(LUIGI_COMMAND, { ...params })
  return resolveLuigiRoot(mustHave(findLuigiProgram(root), 'program of a command'), makeImageCommand)
}
