import { SluiceError } from '../core/errors.ts'
import { isSatisfied, type Json } from '../core/model.ts'
import { markersIn } from '../planning/surroundings.ts'
import type { Home } from './home.ts'
import type { TaskView } from './inspect.ts'

/** What the bodies of tasks without an output returned, by number; only of tasks that are complete. */
export async function readResults({ context }: Home, tasks: readonly TaskView[]): Promise<Map<number, Json>> {
  const marked = tasks.filter(({ task, planned }) => isSatisfied(task.status) && planned.outputs.length === 0)
  const markers = await markersIn(context.ports.store)
    .read(marked.map(({ planned }) => planned.id))
    .catch(notShown)
  return new Map(
    marked.flatMap(({ task }, index) => {
      const marker = markers[index]
      return marker === undefined ? [] : [[task.number, marker.result]]
    }),
  )
}

/** A deployment of an older version does not show markers. */
function notShown(error: unknown): never[] {
  if (error instanceof SluiceError && error.code === 'invalid_usage') return []
  throw error
}
