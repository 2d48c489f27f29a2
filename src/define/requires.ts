import type { IdShape } from '../core/graph.ts'
import type { TaskInstance } from './task.ts'

/** What `requires` may return: a task, or an array or record of such; what is undefined is left out. */
export type Requires = TaskInstance | readonly Requires[] | { readonly [name: string]: Requires | undefined }

/** The same shape with each task's output in its place: what the body gets as `input`. */
export type InputOf<R> =
  R extends TaskInstance<infer Out>
    ? Out
    : R extends undefined
      ? undefined
      : { readonly [K in keyof R]: InputOf<R[K]> }

/** Whether the value is one task rather than an array or record. */
export function isTaskInstance(value: unknown): value is TaskInstance {
  return typeof value === 'object' && value !== null && 'definition' in value && 'id' in value
}

/** The ids of upstreams in their shape, and the upstreams themselves; refuses anything that is no task. */
export function flattenRequires(
  requires: unknown,
  idOf: (task: TaskInstance) => string = ({ id }) => id,
): { shape: IdShape; ids: string[]; upstreams: TaskInstance[] } {
  const ids: string[] = []
  const upstreams: TaskInstance[] = []
  const visit = (task: TaskInstance) => {
    const id = idOf(task)
    ids.push(id)
    upstreams.push(task)
    return id
  }
  return { shape: replaceInstances(requires, visit), ids, upstreams }
}

/** The same shape with each task replaced. */
export function mapRequires(requires: unknown, replace: (task: TaskInstance) => unknown): unknown {
  if (isTaskInstance(requires)) return replace(requires)
  if (Array.isArray(requires)) return requires.map((each) => mapRequires(each, replace))
  return Object.fromEntries(
    Object.entries(requires as Record<string, unknown>)
      .filter(([, each]) => each !== undefined)
      .map(([name, each]) => [name, mapRequires(each, replace)]),
  )
}

function replaceInstances(requires: unknown, visit: (task: TaskInstance) => string): IdShape {
  if (isTaskInstance(requires)) return visit(requires)
  if (Array.isArray(requires)) return requires.map((each) => replaceInstances(each, visit))
  if (isRecord(requires))
    return Object.fromEntries(
      Object.entries(requires)
        .filter(([, each]) => each !== undefined)
        .map(([name, each]) => [name, replaceInstances(each, visit)]),
    )
  throw new TypeError(
    `requires returned ${describeWrongRequire(requires)}; it takes tasks such as Fetch({ date })`,
  )
}

/** Plain objects only: a promise, a map or a set would silently require nothing. */
function isRecord(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    [Object.prototype, null].includes(Object.getPrototypeOf(value))
  )
}

function describeWrongRequire(value: unknown): string {
  if (typeof value === 'function') return 'a task family that was not called'
  return typeof value === 'object' && value !== null ? `a ${value.constructor.name}` : String(value)
}
