/** A pool of containers. */
export interface LaunchedPool {
  family: string
  /** How many containers at most. */
  most: number
  /** On spare capacity first. */
  spot: boolean
}

/** What launching looks at and does. */
export interface LaunchParts {
  pools: { [name: string]: LaunchedPool }
  /** Messages of a pool's queue that nobody has taken. */
  backlog(pool: string): Promise<number>
  /** Containers of a family that run or start, by ARN. */
  list(family: string): Promise<{ arn: string; isStarting: boolean }[]>
  launch(family: string, wanted: { count: number; spot: boolean; known: string[] }): Promise<number>
}

/**
 * Launches a container for each message that nobody has taken, up to the pool's size, less those that are about to take
 * one. They end by themselves when nothing is left to do, so nothing is ever scaled in.
 */
export function createLaunchWorkers({ pools, backlog, list, launch }: LaunchParts) {
  return async ({ pool: wanted }: { pool?: string }): Promise<{ [pool: string]: number }> => {
    const launched: { [pool: string]: number } = {}
    for (const [name, { family, most, spot }] of Object.entries(pools)) {
      if (wanted !== undefined && wanted !== name) continue
      const messages = await backlog(name)
      if (messages === 0) continue
      const known = await list(family)
      const starting = known.filter(({ isStarting }) => isStarting).length
      const count = Math.min(messages - starting, most - known.length)
      if (count <= 0) continue
      launched[name] = await launch(family, { count, spot, known: known.map(({ arn }) => arn) })
    }
    return launched
  }
}
