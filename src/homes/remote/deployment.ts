import { readErrorMessage, readErrorName, SluiceError } from '../../core/errors.ts'
import type { StackOutputs } from '../../core/names.ts'
import type { NamedEnvironment } from '../../define/deployed-environment.ts'
import type { Project } from '../../project/load-config.ts'
import { type DeploymentTarget, findDeploymentTarget } from './stack.ts'

/** A deployment as the command finds it: an environment of the config, and what its stack says of itself. */
export interface Deployment {
  environment: NamedEnvironment
  stack: string
  outputs: StackOutputs
}

/** Looks the deployment up with the user's own credentials. */
export async function findDeployment(project: Project, wanted: NamedEnvironment): Promise<Deployment> {
  const { environment, found } = await findReachableDeployment(project, wanted)
  const { name } = environment
  if (found !== undefined) return { environment, stack: found.name, outputs: found.outputs }
  throw new SluiceError(
    'invalid_deployment',
    `There is no stack ${environment.stack}: ${name} has not been deployed.`,
    { hint: `Deploy it: sluice deploy --env ${name}` },
  )
}

/** The stack of an environment, deployed or not; what is in the way of asking is explained. */
export async function findReachableDeployment(
  project: Project,
  environment: NamedEnvironment,
): Promise<DeploymentTarget> {
  try {
    return await findDeploymentTarget(project, environment)
  } catch (error) {
    throw error instanceof SluiceError ? error : explainAwsError(error)
  }
}

/** Whether an error says that credentials are missing, wrong or expired. */
export const isCredentialsError = (error: unknown): boolean =>
  /Credential|Token/i.test(`${readErrorName(error)} ${readErrorMessage(error)}`)

/** One clear message for what can be wrong on the way to AWS. */
export function explainAwsError(error: unknown): SluiceError {
  const kind = readErrorName(error)
  const message = readErrorMessage(error)
  if (isCredentialsError(error))
    return new SluiceError('deployment_unreachable', `AWS does not accept the credentials: ${message}`, {
      cause: error,
      hint: 'Sign in (aws sso login, or aws configure), or name a profile: AWS_PROFILE=…',
    })
  if (/AccessDenied|not authorized|Forbidden/i.test(`${kind} ${message}`))
    return new SluiceError('deployment_unreachable', `AWS does not allow this: ${message}`, {
      cause: error,
      hint: 'docs/security.md lists what a person needs.',
    })
  return new SluiceError('deployment_unreachable', `AWS cannot be reached: ${message}`, {
    cause: error,
    hint: 'Look at the network and the region, then give the command again.',
  })
}
