import { SluiceError } from '../../core/errors.ts'
import { findImageProblems } from '../../define/image.ts'
import { findMountProblems } from '../../define/luigi.ts'
import { LUIGI_COMMAND, type LuigiCommandParams, nameLuigiRun } from '../../define/luigi-command.ts'
import { resolveLuigiCommand } from '../../homes/local/resolve-luigi.ts'
import type { Project } from '../../project/load-config.ts'
import type { LuigiFlags } from '../luigi-flags.ts'
import type { Result } from '../options.ts'
import { resolveFromStart } from '../place.ts'
import { showPlan } from './plan.ts'
import { runRequest } from './run.ts'

/** Runs a task of Luigi, with all that it requires, or shows what would run. `flags` are those of the command `luigi`. */
export async function runLuigiTasks(project: Project, flags: string[], options: LuigiFlags): Promise<Result> {
  const given = readGivenCommand(withoutSeparator(flags), options)
  const { root, workers, notes } = await resolveLuigiCommand(given)
  for (const note of notes) console.error(`note: ${note}`)
  const params: LuigiCommandParams = { ...given, task: root.family, params: root.params }
  const name = nameLuigiRun(root.family)
  const tasks = new Map([...project.tasks, [name, LUIGI_COMMAND] as const])
  const request = { name, params }
  if (options.plan) return showPlan({ ...project, tasks }, request, options)
  const concurrency = options.isConcurrencyGiven ? options.concurrency : (workers ?? options.concurrency)
  return runRequest({ ...project, tasks }, request, { ...options, concurrency })
}

/** What comes after `--` is Luigi's, also if Sluice has a flag of that name. */
function withoutSeparator(flags: string[]): string[] {
  const at = flags.indexOf('--')
  return at < 0 ? flags : flags.toSpliced(at, 1)
}

function readGivenCommand(flags: string[], options: LuigiFlags): LuigiCommandParams {
  const { module, python, image, mount, luigiConfig, jobs, checkSeconds } = options
  const problems = [
    ...(image === undefined ? [] : findImageProblems(image)),
    ...findMountProblems(mount, image !== undefined),
  ]
  if (problems.length > 0)
    throw new SluiceError('invalid_usage', problems.join('; '), {
      hint: 'sluice luigi --image IMAGE --mount FOLDER:PATH --module MODULE TASK',
    })
  if (module === undefined || flags.length === 0)
    throw new SluiceError('invalid_usage', 'It takes the module and the name of a task.', {
      hint: 'sluice luigi --module MODULE TASK, with the flags that the command luigi is given today.',
    })
  return {
    module,
    task: '',
    params: {},
    flags,
    python: image === undefined && python.includes('/') ? resolveFromStart(python) : python,
    ...(image === undefined ? {} : { image }),
    ...(mount === undefined ? {} : { mounts: mount }),
    folder: process.cwd(),
    ...(luigiConfig === undefined
      ? {}
      : { config: image === undefined ? resolveFromStart(luigiConfig) : luigiConfig }),
    ...(jobs === undefined ? {} : { jobs }),
    ...(checkSeconds === undefined ? {} : { checkSeconds }),
  }
}
