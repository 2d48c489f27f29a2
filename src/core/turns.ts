/** One run's messages in the queue of a pool. */
export interface Group {
  run: string
  pipeline: string
  /** The highest priority among its messages. */
  priority: number
}

/**
 * Whose turn it is: the highest priority first, then the pipeline that was served longest ago, then its run that was.
 * `servedAt` tells when a name was last served, 0 for never.
 */
function nextTurn<G extends Group>(groups: G[], servedAt: (name: string) => number): G | undefined {
  let best: G | undefined
  for (const group of groups) if (best === undefined || isBefore(group, best, servedAt)) best = group
  return best
}

/**
 * Takes in turns while there are places. `take` takes the group's first message and returns it with what the group is
 * then; undefined leaves the place to another process, and the group takes no part any more.
 */
export function takeMessagesInTurns<G extends Group, T>(
  groups: Map<string, G>,
  { places, limit }: { places: number; limit: number },
  servedAt: (name: string) => number,
  take: (group: G) => { taken: T; next: G | undefined } | undefined,
): T[] {
  const all: T[] = []
  for (let left = places; left > 0 && all.length < limit; left--) {
    const group = nextTurn([...groups.values()], servedAt)
    if (group === undefined) break
    const result = take(group)
    if (result?.next === undefined) groups.delete(group.run)
    else groups.set(group.run, result.next)
    if (result !== undefined) all.push(result.taken)
  }
  return all
}

function isBefore(a: Group, b: Group, servedAt: (name: string) => number): boolean {
  if (a.priority !== b.priority) return a.priority > b.priority
  const [pipelineA, pipelineB] = [servedAt(a.pipeline), servedAt(b.pipeline)]
  if (pipelineA !== pipelineB) return pipelineA < pipelineB
  return servedAt(a.run) < servedAt(b.run)
}
