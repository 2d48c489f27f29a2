import { closest } from 'fastest-levenshtein'
import { SluiceError } from '../core/errors.ts'
import type { Params } from '../core/model.ts'
import { parseParams, significantOf } from '../define/params.ts'
import { instantiate, type TaskDefinition, type TaskInstance } from '../define/task.ts'
import type { RunRequest } from '../engine/open-run.ts'
import type { Project } from '../local/load-config.ts'

/** What NAME means: a pipeline's root, or a task family. */
export interface Root {
  name: string
  definition: TaskDefinition
}

/** Finds a pipeline or task family; suggests the nearest name. */
export function findRoot(project: Project, name: string): Root {
  const definition = project.pipelines.get(name)?.root ?? project.tasks.get(name)
  if (definition !== undefined) return { name, definition }
  const names = [...project.pipelines.keys(), ...project.tasks.keys()]
  const near = names.length > 0 ? ` Did you mean ${closest(name, names)}?` : ''
  const broken = project.broken.map((each) => `${each.path} did not load: ${each.message}`)
  throw new SluiceError(
    'unknown_name',
    [`No pipeline or task is called ${name}.${near}`, ...broken].join('\n'),
    { hint: `There are: ${names.join(', ') || 'none'}.` },
  )
}

/** The root task and the request for it. */
export interface Asked {
  root: TaskInstance
  request: RunRequest
}

/** What is asked for with parameters as they were given. */
export function requestFor(root: Root, given: unknown): Asked {
  const { family, fields } = root.definition
  return requestOf(root, parseParams(family, fields, given))
}

/** What is asked for with parameters that were parsed before. */
export function requestOf({ name, definition }: Root, params: Params): Asked {
  const significant = significantOf(definition.fields, params)
  return {
    root: instantiate(definition, params),
    request: { name, family: definition.family, params, significant },
  }
}
