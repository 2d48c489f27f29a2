import { randomBytes } from 'node:crypto'
import { findDeployedEnvironment } from '../../define/deployed-environment.ts'
import { makeSignedFetcher } from '../../homes/remote/client.ts'
import { findDeployment } from '../../homes/remote/deployment.ts'
import { readIdentity } from '../../homes/remote/identity.ts'
import { makeDeploymentControl } from '../../homes/remote/open-control.ts'
import { followServerClock } from '../../homes/remote/server-clock.ts'
import { requireConsole, serveConsole } from '../console-server.ts'
import { EXIT } from '../exit.ts'
import { openInBrowser } from '../open-in-browser.ts'
import { type GlobalOptions, loadWorkingProject, type Result } from '../options.ts'
import { waitForStop } from '../wait-for-stop.ts'

/** While nothing happens, the API of a deployment is asked this often at the rarest. */
const IDLE_LOOK_MS = 15_000

/**
 * Serves the console of a deployment on this machine until Ctrl-C: each request goes on to the deployment's API, signed with the
 * user's own credentials. Nothing is kept on disk; the token is of this one start.
 */
export async function serveDeploymentConsole(
  options: GlobalOptions & { env: string; port: number; open?: true; readOnly?: true },
): Promise<Result> {
  requireConsole()
  const project = await loadWorkingProject(options)
  const deployment = await findDeployment(project, findDeployedEnvironment(project, options.env))
  const { environment, stack } = deployment
  const place = { environment: environment.name, stack, region: environment.region }
  const { fetcher, now } = followServerClock(makeSignedFetcher(deployment))
  const server = await serveConsole(makeDeploymentControl(deployment, fetcher), {
    port: options.port,
    token: randomBytes(32).toString('base64url'),
    isLasting: false,
    isReadOnly: options.readOnly === true,
    idleLookMs: IDLE_LOOK_MS,
    now,
    describeDeployment: async () => ({ ...place, ...(await readIdentity(environment.region)) }),
  })
  const say = options.json ? () => {} : (line: string) => console.log(line)
  say(`The console of ${environment.name} (${stack}, ${environment.region}): ${server.address}`)
  say('Requests are signed with your AWS credentials. Ctrl-C stops.')
  const closeFile = options.open
    ? openInBrowser(server.address ?? server.base, options.state, say)
    : undefined
  await waitForStop()
  closeFile?.()
  server.close()
  return { data: { stopped: true }, text: 'Stopped. The deployment goes on.', exitCode: EXIT.done }
}
