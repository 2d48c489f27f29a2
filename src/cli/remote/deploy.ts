import { CloudFormationClient } from '@aws-sdk/client-cloudformation'
import { SluiceError } from '../../core/errors.ts'
import { isImagesOutput, type StackOutputs } from '../../core/names.ts'
import { findDeployedEnvironment } from '../../define/deployed-environment.ts'
import { explainAwsError, findReachableDeployment } from '../../homes/remote/deployment.ts'
import {
  type DeploymentTarget,
  readDeployedResources,
  type TemplateResource,
} from '../../homes/remote/stack.ts'
import { loadProject, type Project, requireConfig } from '../../project/load-config.ts'
import { EXIT } from '../exit.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { prepareAccount } from './account.ts'
import { readBuildSecrets } from './build-secrets.ts'
import { type CdkCall, readSynthesisedResources, runCdkCommand, synthesiseStack } from './cdk.ts'
import { checkOutCommit } from './check-out.ts'
import { askBeforeDataLoss, findLostData } from './data-loss.ts'
import { findKeptSecrets } from './kept-secrets.ts'

/** Flags of `deploy` and `diff`. */
export interface DeployOptions extends GlobalOptions {
  env: string
  /** Does not ask. */
  yes?: true
  /** Replaces the pipelines' code alone: no image is built. */
  code?: true
  /** A commit, branch or tag instead of the local tree. */
  ref?: string
  architecture?: string
  /** Lets go what holds data or secrets and has no place in the config any more. */
  removeData?: true
}

const printStep = (line: string) => console.error(line)

/** Puts a project on AWS, or shows what that would change. */
export async function deployProject(verb: 'deploy' | 'diff', options: DeployOptions): Promise<Result> {
  if (options.ref === undefined) return deployFrom(process.cwd(), verb, options)
  const { folder, remove } = checkOutCommit(process.cwd(), options.ref)
  try {
    return await deployFrom(folder, verb, options)
  } finally {
    remove()
  }
}

async function deployFrom(folder: string, verb: 'deploy' | 'diff', options: DeployOptions): Promise<Result> {
  const project = await loadProject(requireConfig(folder, options.config))
  const target = await findReachableDeployment(project, findDeployedEnvironment(project, options.env))
  const { region, stack } = target.environment
  const secrets = verb === 'deploy' ? await readBuildSecrets(project, options.state) : {}
  const deployed = await readDeployedTemplate(target)
  if (verb === 'deploy') await prepareAccount(project, target.environment, printStep)
  const context = await makeCdkContext(project, target, deployed, options)
  const call: CdkCall = { folder: project.folder, region, stack, context, secrets }
  const app = await synthesiseStack(call)
  const lost = findLostData(deployed, readSynthesisedResources(app, stack))
  if (verb === 'diff') {
    await runCdkCommand(call, 'diff', ['--app', app])
    if (lost.length > 0) printStep(`With what is in it, this removes: ${lost.join(', ')}.`)
  } else {
    await askBeforeDataLoss(stack, lost, options.removeData === true)
    await runCdkCommand(call, 'deploy', ['--app', app, '--require-approval', approval(options)])
  }
  return { data: { env: options.env, stack, done: verb }, text: after(verb, options), exitCode: EXIT.done }
}

async function readDeployedTemplate({
  environment,
  found,
}: DeploymentTarget): Promise<{ [id: string]: TemplateResource }> {
  if (found === undefined) return {}
  try {
    return await readDeployedResources(new CloudFormationClient({ region: environment.region }), found.name)
  } catch (error) {
    throw explainAwsError(error)
  }
}

/** What the app is told: see infra/app.ts. */
async function makeCdkContext(
  project: Project,
  { environment, found }: DeploymentTarget,
  deployed: { [id: string]: TemplateResource },
  { env, code, architecture }: DeployOptions,
): Promise<{ [name: string]: string }> {
  const kept = await findKeptSecrets(environment, deployed)
  if (code && found === undefined)
    throw new SluiceError(
      'invalid_deployment',
      `There is no stack ${environment.stack}: no image was built yet.`,
      {
        hint: `Deploy it whole first: sluice deploy --env ${env}`,
      },
    )
  return {
    env,
    // The app runs in the config's folder, so the config is told as it was found.
    config: project.path,
    stack: environment.stack,
    ...(kept.length === 0 ? {} : { keptSecrets: JSON.stringify(kept) }),
    ...(architecture === undefined ? {} : { architecture }),
    ...(code ? { images: readPoolImages(found?.outputs ?? {}) } : {}),
  }
}

/** Images of pools, by name; of many pools they are told by several outputs. */
const readPoolImages = (outputs: StackOutputs): string =>
  JSON.stringify(
    Object.assign(
      {},
      ...Object.entries(outputs).flatMap(([name, value]) =>
        isImagesOutput(name) ? [JSON.parse(value)] : [],
      ),
    ),
  )

const approval = ({ yes }: DeployOptions) => (process.stdin.isTTY && !yes ? 'broadening' : 'never')

const after = (verb: string, { env }: DeployOptions) =>
  verb === 'deploy'
    ? `Deployed ${env}. Start a run: sluice run NAME --env ${env}`
    : `Done: ${verb} of ${env}.`
