import type { PlannedTask } from '../core/plan.ts'
import { MARKER_URI } from '../define/targets/marker.ts'
import type { Home } from './home.ts'

/** Tasks without output that have not run yet, of those whose results the container of a task reads. */
export async function findMissingResults(
  home: Pick<Home, 'context' | 'surroundings'>,
  run: string,
  { container, upstreams }: PlannedTask,
): Promise<string[]> {
  const uris = (container?.inputs ?? []).map(({ uri }) => uri).filter((uri) => uri.startsWith(MARKER_URI))
  const ids = uris.map((uri) => uri.slice(MARKER_URI.length))
  const markers = await home.surroundings.markers.read(ids)
  const missing = ids.filter((_, index) => markers[index] === undefined)
  if (missing.length === 0) return []
  const labels = new Map(
    (await home.context.ports.plans.tasks(run, upstreams)).map(({ id, label }) => [id, label]),
  )
  return missing.map((id) => `the result of ${labels.get(id) ?? id}`)
}
