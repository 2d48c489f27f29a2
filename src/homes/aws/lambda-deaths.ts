import type { FunctionDeath } from '../../adapters/cloudwatch/function-deaths.ts'
import type { Ports } from '../../core/ports.ts'
import { ofPool } from './environment.ts'

/** How a worker's id begins that is a function; the rest names its log stream. */
export const LAMBDA = 'lambda/'

/**
 * A body that uses more memory than its heap may fill that of the whole function. Lambda ends all its processes then, and
 * only its log tells why.
 */
export const lambdaDeaths =
  (
    logGroups: { [pool: string]: string },
    read: (group: string, stream: string, since: number) => Promise<FunctionDeath | undefined>,
  ): Ports['deathOf'] & {} =>
  async ({ worker, pool, startedAt }) => {
    const group = ofPool(logGroups, pool)
    if (group === undefined || !worker.startsWith(LAMBDA)) return undefined
    // Without the log the attempt is lost as before.
    return read(group, worker.slice(LAMBDA.length), startedAt).catch(() => undefined)
  }
