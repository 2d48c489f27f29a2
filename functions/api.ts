import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs'
import { S3Client } from '@aws-sdk/client-s3'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { handle } from 'hono/aws-lambda'
import { makeLogReader } from '../src/adapters/cloudwatch/logs.ts'
import { makeStepLogReader } from '../src/adapters/emr/steps/step-lines.ts'
import { makeManagedSecrets } from '../src/adapters/secrets-manager/secrets.ts'
import type { Build } from '../src/homes/aws/build.ts'
import { findPoolSetting, readPartSettings } from '../src/homes/aws/environment.ts'
import { makeLazyExecutions } from '../src/homes/aws/executions.ts'
import { makeDeployedApi } from '../src/homes/aws/handlers/api.ts'
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
    }),
  )
}
