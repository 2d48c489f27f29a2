import type { Home } from '../../control/home.ts'
import type { Project } from '../../project/load-config.ts'
import { type GlobalOptions, projectOf } from '../options.ts'
import { type Api, apiOf } from './client.ts'
import { type Deployment, findDeployment } from './deployment.ts'
import { remoteHome } from './home.ts'

/** A deployment that answers. */
export interface Connection {
  deployment: Deployment
  api: Api
  home: Home
  project: Project
}

/** Finds the deployment of `--env`, with the project that names it. */
export async function connect(options: GlobalOptions, given?: Project): Promise<Connection> {
  const project = given ?? (await projectOf(options))
  const deployment = await findDeployment(project, options.env ?? '')
  const api = apiOf(deployment)
  return { deployment, api, home: remoteHome(api, project), project }
}
