import {
  CloudFormationClient,
  DescribeStacksCommand,
  GetTemplateCommand,
  ListStackResourcesCommand,
  type ListStackResourcesCommandOutput,
  type StackResourceSummary,
} from '@aws-sdk/client-cloudformation'
import { readErrorMessage, SluiceError } from '../../core/errors.ts'
import { type StackOutputs, TASKS_MACHINE } from '../../core/names.ts'
import type { NamedEnvironment } from '../../define/deployed-environment.ts'
import type { Project } from '../../project/load-config.ts'

/** A stack as CloudFormation tells it. */
export interface FoundStack {
  name: string
  outputs: StackOutputs
}

/** An environment with its stack; `found` is absent if it was never deployed. */
export interface DeploymentTarget {
  environment: NamedEnvironment
  found: FoundStack | undefined
}

/** Half of the pipelines of an earlier stack are known: more may have been renamed since. */
const SAME_PROJECT = 0.5

/**
 * Finds the stack of an environment. One that was deployed before names of stacks had the project's goes on under its
 * old name if it is of this project: it has at least half of its pipelines. Throws if a stack is another project's.
 */
export async function findDeploymentTarget(
  project: Project,
  environment: NamedEnvironment,
): Promise<DeploymentTarget> {
  const client = new CloudFormationClient({ region: environment.region })
  const found = await describeStack(client, environment.stack)
  if (found !== undefined) {
    await refuseForeign(client, project, found)
    return { environment, found }
  }
  const { earlierStack } = environment
  const earlier = earlierStack === undefined ? undefined : await describeStack(client, earlierStack)
  if (earlier === undefined || !(await isStackOfProject(client, project, earlier)))
    return { environment, found: undefined }
  return { environment: { ...environment, stack: earlier.name }, found: earlier }
}

/** A stack that was never made, or not to its end; the CDK replaces it. */
const NEVER_MADE = /^(REVIEW|CREATE_IN|CREATE_FAILED|ROLLBACK|DELETE_COMPLETE)/

/** Undefined if there is no such stack, or only one that was never made. */
async function describeStack(client: CloudFormationClient, name: string): Promise<FoundStack | undefined> {
  try {
    const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName: name }))
    if (stack === undefined || NEVER_MADE.test(stack.StackStatus ?? '')) return undefined
    const outputs = (stack.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [
      OutputKey,
      OutputValue,
    ])
    return { name, outputs: Object.fromEntries(outputs) }
  } catch (error) {
    if (/does not exist/.test(readErrorMessage(error))) return undefined
    throw error
  }
}

async function refuseForeign(
  client: CloudFormationClient,
  project: Project,
  found: FoundStack,
): Promise<void> {
  if (await isStackOfProject(client, project, found)) return
  const owner = found.outputs.Project
  throw new SluiceError(
    'invalid_deployment',
    `The stack ${found.name} is ${owner === undefined ? 'not of this project: it has none of its pipelines' : `that of the project ${owner}, not of ${project.name}`}.`,
    {
      hint: "Give the environment another `stack`. If the project has only another name now, write the old one in the config: name: '…'",
    },
  )
}

/** A stack says whose it is; one of before is known by its pipelines, and one without any is nobody else's. */
async function isStackOfProject(
  client: CloudFormationClient,
  project: Project,
  { name, outputs }: FoundStack,
): Promise<boolean> {
  // A project without a name has that of its stack.
  if (outputs.Project !== undefined) return [project.name, name].includes(outputs.Project)
  if (outputs.ApiUrl === undefined) return false
  const pipelines = (await listStackResources(client, name)).flatMap(({ PhysicalResourceId = '' }) => {
    const [, pipeline] = PhysicalResourceId.split(`:stateMachine:${name}-`)
    return pipeline === undefined || pipeline === TASKS_MACHINE ? [] : [pipeline]
  })
  const known = pipelines.filter((pipeline) => project.pipelines.has(pipeline))
  return known.length >= pipelines.length * SAME_PROJECT
}

/** Everything in a stack and in its nested ones. */
export async function listStackResources(
  client: CloudFormationClient,
  stack: string,
): Promise<StackResourceSummary[]> {
  const all: StackResourceSummary[] = []
  let after: string | undefined
  do {
    const page: ListStackResourcesCommandOutput = await client.send(
      new ListStackResourcesCommand({
        StackName: stack,
        ...(after === undefined ? {} : { NextToken: after }),
      }),
    )
    for (const each of page.StackResourceSummaries ?? []) {
      all.push(each)
      const isStack = each.ResourceType === 'AWS::CloudFormation::Stack'
      if (isStack && each.PhysicalResourceId)
        all.push(...(await listStackResources(client, each.PhysicalResourceId)))
    }
    after = page.NextToken
  } while (after !== undefined)
  return all
}

/** A resource of a template. */
export interface TemplateResource {
  Type: string
  DeletionPolicy?: string
  Properties?: { [name: string]: unknown }
}

/** The resources of a stack as it was deployed last. */
export async function readDeployedResources(
  client: CloudFormationClient,
  stack: string,
): Promise<{ [id: string]: TemplateResource }> {
  const { TemplateBody = '{}' } = await client.send(new GetTemplateCommand({ StackName: stack }))
  const template: { Resources?: { [id: string]: TemplateResource } } = JSON.parse(TemplateBody)
  return template.Resources ?? {}
}
