import { SluiceError } from '../../core/errors.ts'
import { type FoundTask, findDependencyCycle, numberPlanTasks } from '../../core/graph.ts'
import type { Plan } from '../../core/plan.ts'
import type { Adjustment } from '../../engine/adjust-plan.ts'
import type { Context } from '../../engine/context.ts'
import type { PlanSurroundings } from '../plan-tasks.ts'
import { askPython, type StartInImage } from './ask-python.ts'
import type { LuigiHeader, LuigiTaskLine } from './luigi-lines.ts'
import { findLuigiFamilies, formatPlanSpec, type LuigiProgram } from './luigi-program.ts'
import { addLuigiResources, findLuigiLimitProblems, writeLuigiResources } from './luigi-resources.ts'
import { countAsDone, makeLuigiTasks } from './luigi-tasks.ts'
import { makePlanningTask } from './planning-task.ts'

/** What pipelines of Luigi are planned with. */
interface LuigiHome {
  context: Pick<Context, 'ports'>
  definitions: Pick<PlanSurroundings, 'limits' | 'store' | 'tasks' | 'startInImage'>
}

/** The root of a pipeline of Luigi, and what luigi.cfg says. Throws what has to be corrected. */
export async function resolveLuigiRoot(
  program: LuigiProgram,
  startInImage: StartInImage,
): Promise<LuigiHeader> {
  let header: LuigiHeader | undefined
  await askPython(program, startInImage, { mode: 'resolve', spec: formatPlanSpec(program) }, (line) => {
    if ('sluice' in line) header = line
  })
  return requireHeader(header)
}

/** Plans the tasks of Luigi that the root needs, by their own code. What is wrong with one task fails that task alone. */
export async function planLuigiTasks(
  { context, definitions }: LuigiHome,
  name: string,
  given: LuigiProgram,
  { done = new Set() }: Adjustment = {},
): Promise<Plan> {
  const { clock, random } = context.ports
  const families = findLuigiFamilies(given.origin, definitions)
  const program = { ...given, families, seed: random.nonce() }
  const plannedAt = clock.steady()
  // Elsewhere the image is started by others, so that planning is a task of the run.
  if (program.image !== undefined && definitions.startInImage === undefined)
    return numberPlanTasks(name, [makePlanningTask(program, definitions.limits.plans, done)], plannedAt)
  const lines: LuigiTaskLine[] = []
  let header: LuigiHeader | undefined
  const spec = formatPlanSpec(program, definitions.limits.plans)
  await askPython(program, definitions.startInImage, { mode: 'plan', spec }, (line) => {
    if ('sluice' in line) header = line
    else if ('family' in line) lines.push(line)
  })
  const settings = requireHeader(header)
  // Of a command line they have been told when it was read.
  if (program.origin !== undefined) tellOnce(settings.notes)
  const found = countAsDone(makeLuigiTasks(program, lines, { ...settings, isAsked: true }), done)
  const { limits, added } = addLuigiResources(definitions.limits, settings.resources, found)
  refuseLuigiProblems(found, findLuigiLimitProblems(found, limits))
  await writeLuigiResources(definitions.store, added, clock.now())
  return numberPlanTasks(name, found, plannedAt)
}

/** What this process has told. */
const told = new Set<string>()

/** A schedule plans the same pipeline again and again. */
function tellOnce(notes: string[]): void {
  for (const note of notes) if (!told.has(note)) console.error(`note: ${note}`)
  for (const note of notes) told.add(note)
}

function requireHeader(header: LuigiHeader | undefined): LuigiHeader {
  if (header !== undefined) return header
  throw new SluiceError('luigi_failed', 'The code of the tasks ended its process before it had answered.')
}

function refuseLuigiProblems(found: FoundTask[], beyondLimits: string[]): void {
  const cycle = findDependencyCycle(found)
  if (cycle !== undefined)
    throw new SluiceError(
      'invalid_plan',
      `Nothing was started: these tasks require each other: ${cycle.join(' → ')}`,
      {
        hint: '`requires` must not lead back to its own task.',
      },
    )
  if (beyondLimits.length > 0)
    throw new SluiceError('invalid_plan', `Nothing was started.\n- ${beyondLimits.join('\n- ')}`, {
      hint: 'Pools and budgets are limits of the config, resources also of `[resources]` in luigi.cfg.',
    })
}
