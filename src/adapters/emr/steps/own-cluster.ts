import {
  type EMRClient,
  ListClustersCommand,
  type ListClustersInput,
  ListStepsCommand,
  RunJobFlowCommand,
  TerminateJobFlowsCommand,
} from '@aws-sdk/client-emr'
import { readErrorMessage, readErrorName } from '../../../core/errors.ts'
import { formatJobName, parseJobName } from '../../../core/job-name.ts'
import { mustHave } from '../../../core/must-have.ts'
import { STACK_TAG } from '../../../core/names.ts'
import type { LaunchOrder, LaunchRefusal } from '../../../core/ports/launching.ts'
import type { StepDetails } from '../../../core/program.ts'
import { isThrottled, makeEmrHandle } from '../jobs.ts'
import { isInvalidRequest, makeCommand } from './add-step.ts'

/*
 * Clusters that are made for one step, and end with it. EMR knows no token for them either, so a cluster has the name of its attempt, which
 * is looked for before one is made.
 */

/** States of clusters that have not ended and do not end. */
const OPEN_STATES = ['STARTING', 'BOOTSTRAPPING', 'RUNNING', 'WAITING'] as const

/** Makes and finds the clusters of a deployment. */
export class OwnClusters {
  readonly #client: EMRClient
  readonly #deployment: string

  constructor(client: EMRClient, deployment: string) {
    this.#client = client
    this.#deployment = deployment
  }

  /** Makes a cluster with one step: it ends when the step does, however that is. Returns the step's handle. */
  async run({ handover, details }: LaunchOrder<StepDetails>): Promise<string> {
    const { logs } = details
    const { release, instanceType, instances, serviceRole, instanceProfile, subnet } = mustHave(
      details.cluster,
      'the cluster of a step',
    )
    const name = formatJobName(this.#deployment, handover)
    const { JobFlowId } = await this.#client.send(
      new RunJobFlowCommand({
        Name: name,
        ReleaseLabel: release,
        Applications: [{ Name: 'Spark' }],
        ServiceRole: serviceRole,
        JobFlowRole: instanceProfile,
        ...(logs === undefined ? {} : { LogUri: logs }),
        Tags: [{ Key: STACK_TAG, Value: this.#deployment }],
        Instances: {
          MasterInstanceType: instanceType,
          ...(instances > 1 ? { SlaveInstanceType: instanceType } : {}),
          InstanceCount: instances,
          KeepJobFlowAliveWhenNoSteps: false,
          TerminationProtected: false,
          ...(subnet === undefined ? {} : { Ec2SubnetId: subnet }),
        },
        Steps: [
          {
            Name: name,
            ActionOnFailure: 'TERMINATE_CLUSTER',
            HadoopJarStep: { Jar: 'command-runner.jar', Args: makeCommand(details) },
          },
        ],
      }),
    )
    return this.#handleOf(mustHave(JobFlowId, 'the id of a cluster'))
  }

  /** The step that was launched under a token, on a cluster that was not made before. */
  async find({ token, since }: { token: string; since: number }): Promise<string | undefined> {
    for await (const { id, name } of this.#list({ CreatedAfter: new Date(since) }))
      if (parseJobName(this.#deployment, name)?.token === token) return this.#handleOf(id)
    return undefined
  }

  /** Those that have not ended. */
  async listOpen(): Promise<string[]> {
    const ids: string[] = []
    for await (const { id, name } of this.#list({ ClusterStates: [...OPEN_STATES] }))
      if (this.isOwn(name)) ids.push(id)
    return ids
  }

  /** Whether a cluster of this name was made by the deployment, for one attempt. */
  isOwn(name: string | undefined): boolean {
    return parseJobName(this.#deployment, name) !== undefined
  }

  async end(id: string): Promise<void> {
    await this.#client.send(new TerminateJobFlowsCommand({ JobFlowIds: [id] }))
  }

  /** Its only step. */
  async #handleOf(id: string): Promise<string> {
    const { Steps: [step] = [] } = await this.#client.send(new ListStepsCommand({ ClusterId: id }))
    return makeEmrHandle(id, mustHave(step?.Id, `the step of the cluster ${id}`))
  }

  async *#list(query: ListClustersInput): AsyncGenerator<{ id: string; name: string | undefined }> {
    let Marker: string | undefined
    do {
      const page = await this.#client.send(
        new ListClustersCommand({ ...query, ...(Marker === undefined ? {} : { Marker }) }),
      )
      for (const { Id = '', Name } of page.Clusters ?? []) yield { id: Id, name: Name }
      Marker = page.Marker
    } while (Marker !== undefined)
  }
}

/** EMR says so if the account may have no more machines of a kind. */
const IS_FULL = /limit|quota|capacity/i

/** What an error of EMR means for a cluster that is made; throws one that means nothing for it. */
export function refuseCluster(error: unknown): LaunchRefusal {
  const name = readErrorName(error)
  const told = readErrorMessage(error)
  if (isThrottled(name, told)) return { is: 'throttled', message: told }
  if (/AccessDenied/.test(name))
    return {
      is: 'invalid',
      message: `no cluster with these roles may be made (${told}); deploy again, or make the roles: aws emr create-default-roles`,
    }
  if (name !== 'ValidationException' && !isInvalidRequest(error)) throw error
  return {
    is: IS_FULL.test(told) ? 'no_capacity' : 'invalid',
    message: `its cluster could not be made: ${told}`,
  }
}
