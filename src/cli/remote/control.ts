import type { Control } from '../../control/control.ts'
import { makeRemoteControl } from '../../http/client.ts'
import type { Project } from '../../project/load-config.ts'
import { type GlobalOptions, loadWorkingProject } from '../options.ts'
import { findApiAddress, makeSignedFetcher } from './client.ts'
import { findDeployment } from './deployment.ts'

/** Asks the deployment of `--env`, which the project names. */
export async function openDeployedControl(
  options: GlobalOptions,
  given: Project | undefined,
): Promise<Control> {
  const project = given ?? (await loadWorkingProject(options))
  const deployment = await findDeployment(project, options.env ?? '')
  return makeRemoteControl({ base: findApiAddress(deployment), fetcher: makeSignedFetcher(deployment) })
}
