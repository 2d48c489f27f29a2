import type { Control } from '../../control/control.ts'
import type { NamedEnvironment } from '../../define/deployed-environment.ts'
import { type Fetcher, makeRemoteControl } from '../../http/client.ts'
import type { Project } from '../../project/load-config.ts'
import { findApiAddress, makeSignedFetcher } from './client.ts'
import { type Deployment, findDeployment } from './deployment.ts'

/** Asks the deployment of an environment over HTTP; throws if it has never been deployed or AWS cannot be reached. */
export async function openDeployedControl(project: Project, environment: NamedEnvironment): Promise<Control> {
  return makeDeploymentControl(await findDeployment(project, environment))
}

/** Asks a deployment that has been found. */
export const makeDeploymentControl = (
  deployment: Deployment,
  fetcher: Fetcher = makeSignedFetcher(deployment),
): Control => makeRemoteControl({ base: findApiAddress(deployment), fetcher })
