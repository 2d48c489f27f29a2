import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { prepareBodyJob } from '../../body/prepare-job.ts'
import type { Home } from '../../control/home.ts'
import type { Job, Runner } from '../../core/ports/working.ts'
import { makeAttemptEnding } from '../../planning/conclude.ts'
import { BUNDLED_CONFIG } from '../../project/bundled.ts'
import { listDefiningModules, type Project } from '../../project/load-config.ts'
import { makeProcessRunner, type ProcessRunnerOptions } from '../../runners/process/process-runner.ts'

/** How bodies run at one place. */
export interface BodiesOptions extends Pick<ProcessRunnerOptions, 'graceMs' | 'supervision' | 'mostIdle'> {
  project: Project
  /** URI of the targets. */
  storage: string
  /** What a job is changed into before it runs. */
  adapt(job: Job): Job
}

/**
 * Runs bodies in processes beside the one that keeps their leases, each in a fresh folder. How a body ends is a fact then,
 * also if it ends its process, fills its memory or never gives its thread back.
 */
export const makeIsolatedBodyRunner =
  ({ project, storage, adapt, ...options }: BodiesOptions) =>
  ({ logs, secrets, surroundings, definitions }: Omit<Home, 'context' | 'close'>): Runner => {
    const runner = makeProcessRunner({
      ...options,
      // Beside this module in every bundle.
      entry: () => ({ module: fileURLToPath(new URL('./child.mjs', import.meta.url)) }),
      args: [BUNDLED_CONFIG, storage, String(process.pid)],
      scratch: tmpdir(),
      modulesOf: (families) => listDefiningModules(project, families),
      logs,
      prepare: (job) => prepareBodyJob(job, secrets, surroundings.markers),
      conclude: (end) => makeAttemptEnding(definitions, end),
    })
    return { ...runner, run: (job, hooks) => runner.run(adapt(job), hooks) }
  }
