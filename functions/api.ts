import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs'
import { S3Client } from '@aws-sdk/client-s3'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { handle } from 'hono/aws-lambda'
import { makeLogReader } from '../src/adapters/cloudwatch/logs.ts'
import type { Place } from '../src/adapters/ecs/workers.ts'
import { makeStepLogReader } from '../src/adapters/emr/steps/step-lines.ts'
import { makeManagedSecrets } from '../src/adapters/secrets-manager/secrets.ts'
import type { ShellJobs } from '../src/core/ports/launching.ts'
import type { ProgramDetails } from '../src/core/program.ts'
import type { Build } from '../src/homes/aws/build.ts'
import { findPoolSetting, readPartSettings } from '../src/homes/aws/environment.ts'
import { makeLazyExecutions } from '../src/homes/aws/executions.ts'
import { makeDeployedApi } from '../src/homes/aws/handlers/api.ts'
import { makeClosedShells, makeDeployedShells } from '../src/homes/aws/handlers/shells.ts'
import { openDeployedHome } from '../src/homes/aws/home.ts'
import { BUNDLED_CONFIG, type BundledSettings, findBundledJob } from '../src/project/bundled.ts'
import { loadProject } from '../src/project/load-config.ts'

/** Answers the command; only callers whose AWS credentials may invoke the function get here. */
export async function start(build: Build, { programs }: BundledSettings) {
  const told = readPartSettings('api')
  const project = await loadProject(BUNDLED_CONFIG)
  const { client } = build
  const secrets = makeManagedSecrets(new SecretsManagerClient(client), told.secrets, told.environment)
  const readLogs = makeLogReader(new CloudWatchLogsClient(client))
  const { families, ...place } = told.workers
  return handle(
    makeDeployedApi({
      home: openDeployedHome(told, { build, worker: 'api', project, limits: project.limits, programs }),
      project,
      starter: makeLazyExecutions({ client }),
      machines: told.machines,
      setSecret: secrets.set,
      readLines: async (pool, query) => {
        const group = findPoolSetting(told.logGroups, pool)
        return group === undefined ? { lines: [] } : readLogs(group, query)
      },
      stepLines: {
        read: makeStepLogReader(new S3Client({ ...client, followRegionRedirects: true })),
        findLog(family) {
          const job = findBundledJob(programs, family)
          return job?.cluster === undefined ? undefined : { folder: job.logs }
        },
      },
      shells:
        families === ''
          ? makeClosedShells(told.environment)
          : makeDeployedShells({ programs, families, findJobs: () => findShellJobs(client, place) }),
    }),
  )
}

/** Loaded for a shell alone: the client of ECS takes 110 kB. */
async function findShellJobs(client: Build['client'], place: Place): Promise<ShellJobs<ProgramDetails>> {
  const { ECSClient } = await import('@aws-sdk/client-ecs')
  const { makeEcsShells } = await import('../src/adapters/ecs/shells.ts')
  return makeEcsShells(new ECSClient(client), place)
}
