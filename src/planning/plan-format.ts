import { z } from 'zod'
import { readErrorMessage, SluiceError } from '../core/errors.ts'
import { escapeControlCharacters } from '../core/identity.ts'
import type { Json } from '../core/json.ts'
import { mustHave } from '../core/must-have.ts'
import { groupByRepeatedKey } from '../core/repeated.ts'
import { isJsonValue } from '../define/params.ts'

const count = z.int().min(1)
/** A schema that refers to itself, as one of JSON does, takes as long for each line as all others together. */
const json: z.ZodType<Json> = z.any().refine(isJsonValue, 'a value must be JSON, and a number finite')
const seconds = z.number().min(0)
const texts = z.record(z.string(), z.string())

/** The first line of a plan. */
export const PLAN_HEADER = z
  .strictObject({
    plan: z.literal(1).describe('Version of the format.'),
    pipeline: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9_-]{0,49}$/, 'a name is a letter, then up to 49 letters, digits, _ or -')
      .describe('What the run is called.'),
    root: z.string().optional().describe('The task that must complete; without it all must.'),
  })
  .describe('The header: the first line.')

/** Every further line of a plan: one task. */
export const PLAN_TASK = z
  .strictObject({
    task: z.string().min(1).max(500).describe('Id, unique in the plan.'),
    requires: z
      .array(z.string())
      .optional()
      .describe('Ids of its upstreams; they may come later in the file.'),
    family: z
      .string()
      .optional()
      .describe('A task family of the config; free information if there is a command.'),
    params: z
      .record(z.string(), json)
      .optional()
      .describe('Parameters of the family; free information if there is a command.'),
    command: z
      .array(z.string())
      .min(1)
      .optional()
      .describe('A program and its arguments, run without a shell.'),
    image: z
      .string()
      .optional()
      .describe(
        'Image in which the command runs, in a container: the targets of what it requires are under /sluice/in, its output goes under /sluice/out.',
      ),
    env: texts.optional().describe('Environment variables of the command.'),
    secrets: texts
      .optional()
      .describe('Environment variables by the names of secrets that hold their values.'),
    output: z
      .string()
      .min(1)
      .optional()
      .describe('Path or URI of the target, a relative one under the storage; without it a marker is kept.'),
    complete: z.boolean().optional().describe('Known to be complete.'),
    pool: z.string().optional(),
    priority: z.int().min(-1000).max(1000).optional(),
    resources: z.record(z.string(), count).optional(),
    budgets: z.record(z.string(), count).optional(),
    retry: z
      .strictObject({
        attempts: count.optional().describe('In all.'),
        backoff: z.enum(['fixed', 'exponential']).optional(),
        delaySeconds: seconds.optional(),
      })
      .optional(),
    timeoutSeconds: z.number().positive().optional(),
    memoryMb: z.int().min(1).optional(),
    cpu: z.int().positive().optional().describe('Of a container, in units of 1/1024 of a core.'),
  })
  .describe('One task.')

/** The header of a plan that was read. */
export type PlanFileHeader = z.output<typeof PLAN_HEADER>
/** A task of a plan that was read. */
export type PlanLine = z.output<typeof PLAN_TASK> & {
  /** Its line in the file, from 1. */
  line: number
}

/** A plan as it stands in a file. */
export interface PlanFile {
  header: PlanFileHeader
  tasks: PlanLine[]
}

const MAX_PROBLEMS = 20

/** One error for all that is wrong with a plan. */
export function refusePlanProblems(problems: string[]): void {
  if (problems.length === 0) return
  // Ids come from elsewhere; control characters in them would steer the terminal.
  const shown = problems.slice(0, MAX_PROBLEMS).map(escapeControlCharacters)
  if (problems.length > shown.length) shown.push(`… and ${problems.length - shown.length} more`)
  throw new SluiceError('invalid_plan', `Nothing was started: the plan is wrong.\n- ${shown.join('\n- ')}`, {
    hint: 'The format is described in docs/plans.md and docs/plan.schema.json.',
  })
}

/** Reads JSON Lines; throws one error with everything that is wrong, line by line. */
export function parsePlanFile(text: string): PlanFile {
  const problems: string[] = []
  const lines = text.replace(/^\ufeff/, '').split('\n')
  const first = lines.findIndex((content) => content.trim() !== '')
  if (first < 0) refusePlanProblems(['it is empty; its first line is {"plan": 1, "pipeline": "…"}'])
  const header = parsePlanLine(lines[first] ?? '', first + 1, PLAN_HEADER, problems)
  const tasks: PlanLine[] = []
  for (let index = first + 1; index < lines.length; index++) {
    const content = lines[index] ?? ''
    const task = content.trim() === '' ? undefined : parsePlanLine(content, index + 1, PLAN_TASK, problems)
    if (task !== undefined) tasks.push(Object.assign(task, { line: index + 1 }))
  }
  if (tasks.length === 0 && problems.length === 0) problems.push('it has no task')
  const known = new Set(tasks.map(({ task }) => task))
  const duplicates = known.size === tasks.length ? [] : findDuplicates(tasks)
  refusePlanProblems([...problems, ...duplicates, ...findUnknownTasks(header, tasks, known)])
  return { header: mustHave(header, 'header'), tasks }
}

function parsePlanLine<T>(
  content: string,
  line: number,
  schema: z.ZodType<T>,
  problems: string[],
): T | undefined {
  let value: unknown
  try {
    value = JSON.parse(content)
  } catch (error) {
    problems.push(`line ${line} is not JSON: ${readErrorMessage(error)}`)
    return undefined
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const who = isNamed(value) ? ` (${value.task})` : ''
  for (const issue of parsed.error.issues) {
    const where = issue.path.length === 0 ? '' : `${issue.path.join('.')}: `
    const what =
      issue.code === 'unrecognized_keys' ? `there is no field ${issue.keys.join(', ')}` : issue.message
    problems.push(`line ${line}${who}: ${where}${what}`)
  }
  return undefined
}

const isNamed = (value: unknown): value is { task: string } =>
  typeof value === 'object' && value !== null && 'task' in value && typeof value.task === 'string'

function findDuplicates(tasks: PlanLine[]): string[] {
  return groupByRepeatedKey(tasks, ({ task }) => task).map(
    ([id, same]) => `lines ${same.map(({ line }) => line).join(' and ')} have the same id ${id}`,
  )
}

function findUnknownTasks(
  header: PlanFileHeader | undefined,
  tasks: PlanLine[],
  known: ReadonlySet<string>,
): string[] {
  const problems: string[] = []
  for (const { task, line, requires = [] } of tasks)
    for (const id of requires)
      if (!known.has(id)) problems.push(`line ${line} (${task}) requires ${id}, which is not in the plan`)
  if (header?.root !== undefined && !known.has(header.root))
    problems.push(`the root ${header.root} is not in the plan`)
  return problems
}

/** The JSON Schema of a line, as it is published. */
export function makePlanSchema(): unknown {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'A line of a Sluice plan, version 1',
    description: 'A plan is JSON Lines in UTF-8: the header, then one line per task in any order.',
    anyOf: [PLAN_HEADER, PLAN_TASK].map((schema) => {
      const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input' })
      return rest
    }),
  }
}
