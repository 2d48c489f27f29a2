import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SFNClient } from '@aws-sdk/client-sfn'
import { handle } from 'hono/aws-lambda'
import { makeLogReader } from '../src/adapters/cloudwatch/logs.ts'
import { makeManagedSecrets } from '../src/adapters/secrets-manager/secrets.ts'
import { makeExecutions } from '../src/adapters/states/executions.ts'
import { findPoolSetting, readPartSettings } from '../src/homes/aws/environment.ts'
import { makeDeployedApi } from '../src/homes/aws/handlers/api.ts'
import { openDeployedHome } from '../src/homes/aws/home.ts'
import { PATIENT } from '../src/homes/aws/patience.ts'
import { loadProject } from '../src/project/load-config.ts'

const told = readPartSettings('api')
const project = await loadProject('sluice.config')
const secrets = makeManagedSecrets(new SecretsManagerClient(PATIENT), told.secrets, told.environment)
const readLogs = makeLogReader(new CloudWatchLogsClient(PATIENT))

/** Answers the command; only callers whose AWS credentials may invoke the function get here. */
export const handler = handle(
  makeDeployedApi({
    home: openDeployedHome(told, { worker: 'api', project, limits: project.limits }),
    project,
    starter: makeExecutions(new SFNClient(PATIENT)),
    machines: told.machines,
    setSecret: secrets.set,
    readLines: async (pool, query) => {
      const group = findPoolSetting(told.logGroups, pool)
      return group === undefined ? { lines: [] } : readLogs(group, query)
    },
  }),
)
