import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { extname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { SluiceError } from '../../core/errors.ts'
import { deployedEnvironment } from '../../define/deployed-environment.ts'
import { findConfig, loadProject, type Project } from '../../project/load-config.ts'
import { EXIT } from '../exit.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { checkOut } from './check-out.ts'
import { explainFailure } from './deploy-failure.ts'
import { findDeployment } from './deployment.ts'

/** Flags of `deploy`, `diff` and `destroy`. */
export interface DeployOptions extends GlobalOptions {
  env: string
  /** Does not ask. */
  yes?: true
  /** Replaces the pipelines' code alone: no image is built. */
  code?: true
  /** A commit, branch or tag instead of the local tree. */
  ref?: string
  architecture?: string
}

const PACKAGES = 'aws-cdk@2 aws-cdk-lib@2 constructs@10 esbuild'

/** Runs the CDK on the stack of an environment. */
export async function runCdk(verb: 'deploy' | 'diff' | 'destroy', options: DeployOptions): Promise<Result> {
  if (options.ref === undefined) return runCdkIn(process.cwd(), verb, options)
  const { folder, remove } = checkOut(process.cwd(), options.ref)
  try {
    return await runCdkIn(folder, verb, options)
  } finally {
    remove()
  }
}

async function runCdkIn(
  folder: string,
  verb: 'deploy' | 'diff' | 'destroy',
  options: DeployOptions,
): Promise<Result> {
  const project = await loadProject(findConfig(folder, options.config))
  const { region, stack } = deployedEnvironment(project.environments, options.env)
  const args = [
    findCdk(project.folder),
    verb,
    stack,
    '--app',
    appCommand(),
    '--output',
    join(project.folder, '.sluice', 'cdk.out'),
    ...Object.entries(await contextOf(project, options)).flatMap(([name, value]) => [
      '--context',
      `${name}=${value}`,
    ]),
    ...approval(verb, options),
    '--no-notices',
  ]
  const since = new Date()
  const code = await runIn(project.folder, args, region)
  if (code !== 0) throw await explainFailure({ verb, code, stack, region, since })
  return { data: { env: options.env, stack, done: verb }, text: after(verb, options), exitCode: EXIT.done }
}

/** What the app is told: see infra/app.ts. */
async function contextOf(project: Project, options: DeployOptions): Promise<{ [name: string]: string }> {
  const { env, code, architecture } = options
  // The app runs in the config's folder, so the config is told as it was found.
  const context: { [name: string]: string } = { env, config: project.path }
  if (architecture !== undefined) context.architecture = architecture
  if (!code) return context
  const { outputs } = await findDeployment(project, env)
  return { ...context, images: imagesIn(outputs) }
}

/** Images of pools, by name; of many pools they are told by several outputs. */
const imagesIn = (outputs: { [name: string]: string }): string =>
  JSON.stringify(
    Object.assign(
      {},
      ...Object.entries(outputs).flatMap(([name, value]) =>
        /^Images\d*$/.test(name) ? [JSON.parse(value)] : [],
      ),
    ),
  )

function approval(verb: 'deploy' | 'diff' | 'destroy', { yes }: DeployOptions): string[] {
  const asks = process.stdin.isTTY && !yes
  if (verb === 'deploy') return ['--require-approval', asks ? 'broadening' : 'never']
  return verb === 'destroy' && !asks ? ['--force'] : []
}

const after = (verb: string, { env }: DeployOptions) =>
  verb === 'deploy'
    ? `Deployed ${env}. Start a run: sluice run NAME --env ${env}`
    : `Done: ${verb} of ${env}.`

/** The CDK's command, of the project or of this package. */
function findCdk(folder: string): string {
  for (const from of [pathToFileURL(join(folder, 'package.json')).href, import.meta.url])
    try {
      const require = createRequire(from)
      require.resolve('aws-cdk-lib/package.json')
      return require.resolve('aws-cdk/bin/cdk')
    } catch {
      // Looked for in the next place.
    }
  throw new SluiceError('invalid_deployment', 'The AWS CDK is not installed here.', {
    hint: `Install it in the project: npm install --save-dev ${PACKAGES}`,
  })
}

/** The app is Sluice's own, from a checkout or the package. */
function appCommand(): string {
  const app = fileURLToPath(new URL(`../../../infra/app${extname(import.meta.url)}`, import.meta.url))
  // The CDK takes quotes away where they are the first and the last character.
  return [...[process.execPath, app].map((part) => JSON.stringify(part)), '--'].join(' ')
}

/** Runs where the config is found; what the CDK prints is shown as it comes. */
function runIn(folder: string, args: string[], region: string): Promise<number> {
  const env = { ...process.env, AWS_REGION: region, CDK_DISABLE_CLI_TELEMETRY: 'true' }
  const child = spawn(process.execPath, args, { cwd: folder, env, stdio: ['inherit', 2, 'inherit'] })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? EXIT.system))
  })
}
