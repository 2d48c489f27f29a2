import type { FunctionDeath } from '../../adapters/cloudwatch/function-deaths.ts'
import { parseLambdaLogStream } from '../../core/names.ts'
import type { Ports } from '../../core/ports/deciding.ts'
import { findPoolSetting } from './environment.ts'

/**
 * A body that uses more memory than its heap may fill that of the whole function. Lambda ends all its processes then, and
 * only its log tells why.
 */
export const makeLambdaDeathFinder =
  (
    logGroups: { [pool: string]: string },
    read: (group: string, stream: string, since: number) => Promise<FunctionDeath | undefined>,
  ): Ports['deathOf'] & {} =>
  async ({ worker, pool, startedAt }) => {
    const group = findPoolSetting(logGroups, pool)
    const stream = parseLambdaLogStream(worker)
    if (group === undefined || stream === undefined) return undefined
    // Without the log the attempt is lost as before.
    return read(group, stream, startedAt).catch(() => undefined)
  }
