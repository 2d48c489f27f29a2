import { EMRClient } from '@aws-sdk/client-emr'
import { EMRServerlessClient, type EMRServerlessClientConfig } from '@aws-sdk/client-emr-serverless'
import { makeEmrServerlessLauncher } from '../../adapters/emr/serverless/launcher.ts'
import { makeEmrStepLauncher } from '../../adapters/emr/steps/launcher.ts'
import type { Launcher } from '../../core/ports/launching.ts'
import type { Storage } from '../../core/ports/working.ts'
import type { JobDetails, StepDetails } from '../../core/program.ts'
import { type ByService, EMR_SERVERLESS, EMR_STEP } from '../../core/records/launch.ts'
import type { LookParts } from '../../engine/launch-looks.ts'
import type { Settings } from './environment.ts'

/** The applications and clusters of a deployment. */
type Told = Settings<'stack'> & { emr: Pick<Settings<'emr'>['emr'], 'applications' | 'clusters'> }

/** What starts, finds and stops the jobs of a deployment, for each service of EMR. */
export interface JobLaunchers {
  [EMR_SERVERLESS]: Launcher<JobDetails>
  [EMR_STEP]: Launcher<StepDetails>
}

/** The same with clients of AWS. */
export function makeJobLaunchers(
  client: Pick<EMRServerlessClientConfig, 'region' | 'endpoint' | 'credentials' | 'maxAttempts'>,
  { stack: deployment, emr: { applications, clusters } }: Told,
): JobLaunchers {
  const places = [...new Set(Object.values(applications))]
  return {
    [EMR_SERVERLESS]: makeEmrServerlessLauncher(new EMRServerlessClient(client), { deployment, places }),
    [EMR_STEP]: makeEmrStepLauncher(new EMRClient(client), { deployment, places: clusters }),
  }
}

/** How jobs of the services are looked at that a deployment uses. */
export function makeJobLooks(
  launchers: JobLaunchers,
  services: ReadonlySet<string>,
  storage: Storage,
): ByService<LookParts<unknown>> {
  const isMade = makeJobTargetLook(storage)
  return Object.fromEntries(
    Object.entries(launchers)
      .filter(([service]) => services.has(service))
      .map(([service, launcher]) => [service, { launcher, isMade }]),
  )
}

/**
 * Looks whether the targets of a job are there that has ended well: no keeper is beside it, and a folder is whole when its marker is
 * there, which the program has written last.
 */
export const makeJobTargetLook =
  (storage: Storage): NonNullable<LookParts<unknown>['isMade']> =>
  async ({ outputs }) => {
    const base = storage.uri('')
    const paths = outputs.flatMap((uri) => (uri.startsWith(base) ? [uri.slice(base.length)] : []))
    const there = await storage.existMany(paths)
    return paths.length === outputs.length && there.every((is) => is)
  }
