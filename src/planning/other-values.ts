import type { z } from 'zod'
import type { Json } from '../core/json.ts'
import { listFieldChoices } from '../define/fields.ts'
import { isSignificantField } from '../define/params.ts'
import { instantiateTask, type TaskInstance } from '../define/task.ts'

/** Targets that stay the same whatever value a significant parameter has. */
export interface MissingParameter {
  parameter: string
  uri: string
}

/** Honest values that are tried for each parameter. */
const TRIED = 3

/**
 * The significant parameters that an output of a task does not contain, found by trying other values. Nothing is said
 * of a parameter for which no other value can be made that its schema accepts.
 */
export function findMissingParameters(
  task: TaskInstance,
  urisOf: (task: TaskInstance) => readonly string[],
): MissingParameter[] {
  const own = urisOf(task)
  return Object.entries(task.definition.fields).flatMap(([parameter, field]): MissingParameter[] => {
    if (!isSignificantField(field)) return []
    const tried = listOtherValues(field, task.params[parameter])
      .map((value) => urisOf(instantiateTask(task.definition, { ...task.params, [parameter]: value })))
      // An output that throws says nothing.
      .filter((uris) => uris.length > 0)
    const uri =
      tried.length === 0 ? undefined : own.find((each) => tried.every((uris) => uris.includes(each)))
    return uri === undefined ? [] : [{ parameter, uri }]
  })
}

/** Other values as the schema gives them; it may change what it is given. */
function listOtherValues(field: z.ZodType, current: Json | undefined): Json[] {
  const others = new Map<string, Json>()
  for (const candidate of listCandidates(field, current)) {
    const value = parseCandidate(field, candidate)
    if (value !== undefined && JSON.stringify(value) !== JSON.stringify(current))
      others.set(JSON.stringify(value), value)
    if (others.size === TRIED) break
  }
  return [...others.values()]
}

function parseCandidate(field: z.ZodType, candidate: Json): Json | undefined {
  try {
    const result = field.safeParse(candidate)
    return result.success && isSimple(result.data) ? result.data : undefined
  } catch {
    // A schema that has to be waited for.
    return undefined
  }
}

const isSimple = (value: unknown): value is string | number | boolean =>
  ['string', 'number', 'boolean'].includes(typeof value)

function listCandidates(field: z.ZodType, current: Json | undefined): Json[] {
  const texts = ['2001-02-03', '1999-11-30', 'other', 'x1']
  switch (typeof current) {
    case 'boolean':
      return [!current]
    case 'number':
      return [current + 1, current * 2 + 1_000, current - 1]
    case 'string':
      return [...listFieldChoices(field), ...texts, `${current}2`]
    case 'undefined':
      return [...listFieldChoices(field), ...texts, 7, 1_003, true]
    default:
      return []
  }
}
