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
  return inlineRunner({
    tasks,
    ...surroundings,
    logs,
    prepare: (job) => prepareJob(job, secrets, surroundings.markers),
    conclude: (end) => conclude(tasks, surroundings, end),
  })
}
