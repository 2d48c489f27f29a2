import type { Runner } from '../core/ports.ts'
import { conclude } from '../project/conclude.ts'
import type { Home } from '../project/home.ts'
import { inlineRunner } from '../project/inline-runner.ts'
import { prepareJob } from '../project/prepare-job.ts'

/** What runners of a deployment are made from. */
type Looks = Omit<Home, 'context' | 'close'>

/** Runs bodies in the function itself, whose sandbox Lambda may use again for another task. */
export function bodiesInPlace({ logs, secrets, surroundings, definitions }: Looks): Runner {
  const { tasks } = definitions
  const runner = inlineRunner({
    tasks,
    ...surroundings,
    logs,
    prepare: (job) => prepareJob(job, secrets, surroundings.markers),
    conclude: (end) => conclude(definitions, end),
  })
  return {
    ...runner,
    async run(job, hooks) {
      const before = process.cpuUsage()
      const ending = await runner.run(job, hooks)
      return { ...ending, ...usedSince(before) }
    },
  }
}

/** What the process has used; its peak is that of all that it has run so far. */
function usedSince(before: NodeJS.CpuUsage) {
  const { user, system } = process.cpuUsage(before)
  return {
    cpuSeconds: (user + system) / 1_000_000,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
  }
}
