import { AddJobFlowStepsCommand, type EMRClient } from '@aws-sdk/client-emr'
import { readErrorMessage, readErrorName } from '../../../core/errors.ts'
import { formatJobName } from '../../../core/job-name.ts'
import type { LaunchAnswer, LaunchOrder, LaunchRefusal } from '../../../core/ports/launching.ts'
import type { StepDetails } from '../../../core/program.ts'
import { isThrottled, makeEmrHandle } from '../jobs.ts'

/**
 * Adds a step that runs `spark-submit` on the cluster's first machine. Its driver is that process (deploy mode `client`), so the step
 * ends when the program does, and cancelling the step ends the program. If it fails, the steps of others go on.
 */
export async function addStep(
  client: EMRClient,
  deployment: string,
  { handover, target, details }: LaunchOrder<StepDetails>,
): Promise<LaunchAnswer> {
  const { role } = details
  const { StepIds: [id] = [] } = await client.send(
    new AddJobFlowStepsCommand({
      JobFlowId: target,
      ...(role === undefined ? {} : { ExecutionRoleArn: role }),
      Steps: [
        {
          Name: formatJobName(deployment, handover),
          ActionOnFailure: 'CONTINUE',
          HadoopJarStep: { Jar: 'command-runner.jar', Args: makeCommand(details) },
        },
      ],
    }),
  )
  if (id === undefined) throw new Error(`EMR has told no id of a step of the cluster ${target}`)
  return { is: 'launched', handle: makeEmrHandle(target, id) }
}

/** What the first machine of a cluster runs. */
export function makeCommand({ script, arguments: args, pyFiles, properties }: StepDetails): string[] {
  const settings = Object.entries(properties).flatMap(([name, value]) => ['--conf', `${name}=${value}`])
  const modules = pyFiles.length === 0 ? [] : ['--py-files', pyFiles.join(',')]
  return ['spark-submit', '--deploy-mode', 'client', ...settings, ...modules, script, ...args]
}

/** What an error of EMR means for the launch of a step; throws one that means nothing for it. */
export function refuseStep(error: unknown, cluster: string): LaunchRefusal {
  const name = readErrorName(error)
  const told = readErrorMessage(error)
  if (isThrottled(name, told)) return { is: 'throttled', message: told }
  if (IS_FULL.test(told)) return { is: 'no_capacity', message: `the cluster ${cluster} is full: ${told}` }
  if (/AccessDenied/.test(name))
    return {
      is: 'invalid',
      message: `the cluster ${cluster} or the role of its step may not be used (${told}); deploy again, or allow both`,
    }
  if (name === 'ValidationException' || isInvalidRequest(error))
    return { is: 'invalid', message: explain(told, cluster) }
  throw error
}

/** A cluster has at most 256 steps that have not ended: https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-work-with-steps.html */
const IS_FULL = /maximum number of.*steps/i

/** EMR says so of a cluster or a step that it does not know. */
export const isInvalidRequest = (error: unknown): boolean =>
  readErrorName(error) === 'InvalidRequestException'

/** What EMR says of a cluster that takes no steps, or is not known. */
const ENDED = /not valid|not exist|not found|shutting down|terminat|finished/i

/** Whether an error says that a cluster takes no steps any more. */
export const hasEnded = (error: unknown): boolean =>
  (readErrorName(error) === 'ValidationException' || isInvalidRequest(error)) &&
  ENDED.test(readErrorMessage(error))

const explain = (told: string, cluster: string) =>
  ENDED.test(told)
    ? `the cluster ${cluster} takes no steps (${told}); name one that runs in \`cluster\`, deploy again, then retry`
    : told
