import type { Control } from '../../control/control.ts'
import { makeRemoteControl } from '../../http/client.ts'
import type { Project } from '../../project/load-config.ts'
import { type GlobalOptions, projectOf } from '../options.ts'
import { apiAddress, signedFetcher } from './client.ts'
import { findDeployment } from './deployment.ts'

/** Asks the deployment of `--env`, which the project names. */
export async function deployedControl(options: GlobalOptions, given: Project | undefined): Promise<Control> {
  const project = given ?? (await projectOf(options))
  const deployment = await findDeployment(project, options.env ?? '')
  return makeRemoteControl({ base: apiAddress(deployment), fetcher: signedFetcher(deployment) })
}
