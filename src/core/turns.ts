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
export function nextTurn<G extends Group>(groups: G[], servedAt: (name: string) => number): G | undefined {
  let best: G | undefined
  for (const group of groups) if (best === undefined || isBefore(group, best, servedAt)) best = group
  return best
}

function isBefore(a: Group, b: Group, servedAt: (name: string) => number): boolean {
  if (a.priority !== b.priority) return a.priority > b.priority
  const [pipelineA, pipelineB] = [servedAt(a.pipeline), servedAt(b.pipeline)]
  if (pipelineA !== pipelineB) return pipelineA < pipelineB
  return servedAt(a.run) < servedAt(b.run)
}
