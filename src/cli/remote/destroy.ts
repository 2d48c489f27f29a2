import { CloudFormationClient, UpdateTerminationProtectionCommand } from '@aws-sdk/client-cloudformation'
import { CloudWatchLogsClient, DeleteLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs'
import { DeleteSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { readErrorName, SluiceError } from '../../core/errors.ts'
import { findDeployedEnvironment } from '../../define/deployed-environment.ts'
import { type Deployment, explainAwsError, findDeployment } from '../../homes/remote/deployment.ts'
import { makeDeploymentControl } from '../../homes/remote/open-control.ts'
import { listStackResources, readDeployedResources } from '../../homes/remote/stack.ts'
import { loadProject, type Project, requireConfig } from '../../project/load-config.ts'
import { EXIT } from '../exit.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { runCdkCommand, synthesiseStack } from './cdk.ts'
import { askBeforeDataLoss, askBeforeGoingOn, findLostData } from './data-loss.ts'
import { listStackSecrets } from './kept-secrets.ts'
import { settleOpenRuns } from './settle-runs.ts'

/** Flags of `destroy`. */
export interface DestroyOptions extends GlobalOptions {
  env: string
  /** Does not ask about what stays nowhere but can be made again. */
  yes?: true
  /** Cancels open runs. */
  cancel?: true
  /** Waits so long for open runs to end, in milliseconds. */
  wait?: number
  /** Removes the log groups as well. */
  logs?: true
  /** Removes the secrets as well. */
  secrets?: true
  /** Lets go what the stack itself does not keep. */
  removeData?: true
}

const printLine = (line: string) => console.error(line)

/** Removes a deployment: says what goes and what stays, settles open runs, then removes the stack. */
export async function destroyDeployment(options: DestroyOptions): Promise<Result> {
  const project = await loadProject(requireConfig(process.cwd(), options.config))
  const deployment = await findDeployment(project, findDeployedEnvironment(project, options.env))
  const { stack, environment } = deployment
  const cloudFormation = new CloudFormationClient({ region: environment.region })
  const resources = await explainLookFailure(() => listStackResources(cloudFormation, stack))
  const lost = findLostData(await explainLookFailure(() => readDeployedResources(cloudFormation, stack)), {})
  const logGroups = listPhysicalNames(resources, 'AWS::Logs::LogGroup')
  printLine(farewell(stack, options))
  await askBeforeDataLoss(stack, lost, options.removeData === true)
  await askBeforeGoingOn(`${stack} is removed.`, options.yes === true)
  const control = makeDeploymentControl(deployment)
  const resume = await settleOpenRuns({ control, say: printLine }, options)
  try {
    await removeStack(project, deployment, cloudFormation)
  } catch (error) {
    await resume()
    throw error
  }
  if (options.logs) await removeLogs(environment.region, logGroups)
  if (options.secrets) await removeSecrets(environment.region, stack)
  return {
    data: { env: options.env, stack, done: 'destroy' },
    text: `Removed ${stack}.`,
    exitCode: EXIT.done,
  }
}

async function explainLookFailure<T>(look: () => Promise<T>): Promise<T> {
  try {
    return await look()
  } catch (error) {
    throw explainAwsError(error)
  }
}

function farewell(stack: string, { logs, secrets }: DestroyOptions): string {
  const goes = [
    'state machines with the history of their executions',
    'schedules',
    'queues',
    'functions',
    'alarms',
  ]
  const stays = ['the table', 'the bucket with plans and targets']
  ;(logs ? goes : stays).push('log groups')
  ;(secrets ? goes : stays).push('secrets')
  return `Of ${stack} go: ${goes.join(', ')}.\nThere stay: ${stays.join(', ')}.`
}

const listPhysicalNames = (
  resources: { ResourceType?: string; PhysicalResourceId?: string }[],
  type: string,
): string[] =>
  resources.flatMap(({ ResourceType, PhysicalResourceId }) =>
    ResourceType === type && PhysicalResourceId !== undefined ? [PhysicalResourceId] : [],
  )

/** The protection goes with the last question, and comes back if the stack stays after all: the next deployment turns it on. */
async function removeStack(
  project: Project,
  { stack, environment: { name, region } }: Deployment,
  cloudFormation: CloudFormationClient,
): Promise<void> {
  const call = { folder: project.folder, region, stack, context: { env: name, config: project.path, stack } }
  const app = await synthesiseStack(call)
  await explainLookFailure(() =>
    cloudFormation.send(
      new UpdateTerminationProtectionCommand({ StackName: stack, EnableTerminationProtection: false }),
    ),
  )
  await runCdkCommand(call, 'destroy', ['--app', app, '--force'])
}

async function removeLogs(region: string, groups: string[]): Promise<void> {
  const client = new CloudWatchLogsClient({ region })
  for (const logGroupName of groups)
    await removeUnlessGone(`log group ${logGroupName}`, () =>
      client.send(new DeleteLogGroupCommand({ logGroupName })),
    )
}

/** For 30 days they can be restored. */
async function removeSecrets(region: string, stack: string): Promise<void> {
  const client = new SecretsManagerClient({ region })
  for (const SecretId of await explainLookFailure(() => listStackSecrets(client, stack)))
    await removeUnlessGone(`secret ${SecretId}`, () => client.send(new DeleteSecretCommand({ SecretId })))
}

/** What is not there any more is removed; what stays is told, and the command fails. */
async function removeUnlessGone(what: string, remove: () => Promise<unknown>): Promise<void> {
  try {
    await remove()
  } catch (error) {
    if (readErrorName(error) === 'ResourceNotFoundException') return
    throw new SluiceError('deployment_unreachable', `The stack is removed, but not the ${what}: ${error}`, {
      cause: error,
      hint: 'Remove it in the AWS console.',
    })
  }
}
