import { EMRServerlessClient, type EMRServerlessClientConfig } from '@aws-sdk/client-emr-serverless'
import { makeEmrServerlessLauncher } from '../../adapters/emr-serverless/launcher.ts'
import type { Launcher } from '../../core/ports/launching.ts'
import type { Storage } from '../../core/ports/working.ts'
import type { JobDetails } from '../../core/program.ts'
import type { LookParts } from '../../engine/launch-looks.ts'
import type { Settings } from './environment.ts'

/** The applications of a deployment. */
type Told = Settings<'stack'> & { emr: Pick<Settings<'emr'>['emr'], 'applications'> }

/** What starts, finds and stops the job runs of a deployment. */
export const makeJobRunLauncher = (
  client: EMRServerlessClientConfig,
  { stack, emr }: Told,
): Launcher<JobDetails> =>
  makeEmrServerlessLauncher(new EMRServerlessClient(client), {
    deployment: stack,
    applications: [...new Set(Object.values(emr.applications))],
  })

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
