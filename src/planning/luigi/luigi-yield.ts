import type { Ending, Job } from '../../core/ports/working.ts'
import type { PlanSurroundings } from '../plan-tasks.ts'
import { makeRefusalError } from './ask-python.ts'
import { type LuigiLine, type LuigiSettings, type LuigiTaskLine, parseLuigiLine } from './luigi-lines.ts'
import { type ConfiguredFamilies, findLuigiFamilies, type LuigiProgram } from './luigi-program.ts'
import { addLuigiResources, findLuigiLimitProblems, writeLuigiResources } from './luigi-resources.ts'
import { countAsDone, makeLuigiTasks } from './luigi-tasks.ts'

/**
 * What a task of Luigi has yielded, with everything that it needs, as its process wrote it. Throws if it can never be complete.
 */
export async function readLuigiYield(
  text: string,
  { task, dependencies }: Job,
  given: Pick<PlanSurroundings, 'tasks' | 'limits' | 'store' | 'startInImage' | 'luigiFamilies'>,
): Promise<NonNullable<Ending['yielded']>> {
  const lines = text.split('\n').filter((line) => line !== '')
  const answers = lines.map(parseLuigiLine)
  const refusal = answers.find((line) => 'wrong' in line)
  if (refusal !== undefined) throw makeRefusalError(refusal)
  const { roots, settings } = readRoots(answers)
  const program = readProgram(task, given)
  const isAsked = program.image === undefined || given.startInImage !== undefined
  const wanted = answers.filter((line): line is LuigiTaskLine => 'family' in line)
  const done = new Set(task.command?.luigi?.plans?.done)
  const found = countAsDone(makeLuigiTasks(program, wanted, { ...settings, isAsked }), done)
  const ids = found.flatMap(({ id }, index) => (roots.has(wanted[index]?.id ?? '') ? [id] : []))
  const before = new Set(dependencies.map(({ id }) => id))
  const lying = found.filter(({ id, complete }) => before.has(id) && !complete)
  if (lying.length > 0)
    throw new Error(
      `${lying.map(({ label }) => label).join(', ')} has run, but its complete() says that it has not; the task would yield it for ever`,
    )
  const { limits, added } = addLuigiResources(given.limits, settings.resources, found)
  const problems = findLuigiLimitProblems(found, limits)
  if (problems.length > 0) throw new Error(problems.join('; '))
  await writeLuigiResources(given.store, added, Date.now())
  return { roots: ids, found }
}

function readRoots(answers: readonly LuigiLine[]): { roots: ReadonlySet<string>; settings: LuigiSettings } {
  const first = answers.find((line) => 'roots' in line)
  if (first === undefined || !answers.some((line) => 'end' in line)) throw new Error('its list is not whole')
  return { roots: new Set(first.roots), settings: first }
}

/** The program of the task that yields: its own arguments, and what the config says of families now. */
function readProgram({ command, container }: Job['task'], configured: ConfiguredFamilies): LuigiProgram {
  const [python = 'python3', , , , spec = '{}', own = spec] = command?.argv ?? []
  const { module, flags, checkSeconds }: Pick<LuigiProgram, 'module' | 'flags' | 'checkSeconds'> =
    JSON.parse(spec)
  const { seed }: Pick<LuigiProgram, 'seed'> = JSON.parse(own)
  const origin = command?.luigi?.root
  return {
    python,
    folder: command?.folder ?? '.',
    env: command?.env ?? {},
    module,
    task: '',
    params: {},
    ...(container === undefined ? {} : { image: container.image }),
    ...(container?.mounts === undefined ? {} : { mounts: container.mounts }),
    families: findLuigiFamilies(origin, configured),
    ...(flags === undefined ? {} : { flags }),
    ...(checkSeconds === undefined ? {} : { checkSeconds }),
    ...(seed === undefined ? {} : { seed }),
    ...(origin === undefined ? {} : { origin }),
  }
}
