import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { extname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { SluiceError } from '../../core/errors.ts'
import type { TemplateResource } from '../../homes/remote/stack.ts'
import { EXIT } from '../exit.ts'
import { explainDeployFailure } from './deploy-failure.ts'

/** One use of the CDK's command. */
export interface CdkCall {
  /** Folder of the config: it runs there. */
  folder: string
  region: string
  stack: string
  /** What the app is told: see infra/app.ts. */
  context: { [name: string]: string }
  /** Environment variables of a deployment alone: secrets that images are built with. */
  secrets?: { [variable: string]: string }
}

const PACKAGES = 'aws-cdk@2 aws-cdk-lib@2 constructs@10 esbuild'

/** Makes the templates and assets of a stack, in the folder that is returned. */
export async function synthesiseStack(call: CdkCall): Promise<string> {
  const output = join(call.folder, '.sluice', 'cdk.out')
  const context = Object.entries(call.context).flatMap(([name, value]) => ['--context', `${name}=${value}`])
  await runCdkCommand(call, 'synth', ['--quiet', '--app', appCommand(), '--output', output, ...context])
  return output
}

/** Runs a command of the CDK on a stack; throws with its reason if it fails. */
export async function runCdkCommand(
  { folder, region, stack, secrets }: CdkCall,
  verb: string,
  flags: string[],
): Promise<void> {
  const since = new Date()
  const env = { AWS_REGION: region, ...(verb === 'deploy' ? secrets : {}) }
  const code = await runIn(folder, [findCdk(folder), verb, stack, ...flags, '--no-notices'], env)
  if (code === 0) return
  if (verb !== 'synth') throw await explainDeployFailure({ verb, code, stack, region, since })
  throw new SluiceError('invalid_deployment', `${stack} cannot be made; the lines above say why.`, {
    hint: 'Correct what is said, then give the same command again.',
  })
}

/** The resources of a stack in what was made. */
export function readSynthesisedResources(output: string, stack: string): { [id: string]: TemplateResource } {
  const { Resources } = JSON.parse(readFileSync(join(output, `${stack}.template.json`), 'utf8'))
  return Resources
}

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
  // The CDK takes quotes away if they are the first and the last character.
  return [...[process.execPath, app].map((part) => JSON.stringify(part)), '--'].join(' ')
}

/** Runs where the config is found; what the CDK prints is shown as it comes. */
function runIn(folder: string, args: string[], own: { [name: string]: string }): Promise<number> {
  const env = { ...process.env, ...own, CDK_DISABLE_CLI_TELEMETRY: 'true' }
  const child = spawn(process.execPath, args, { cwd: folder, env, stdio: ['inherit', 2, 'inherit'] })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? EXIT.system))
  })
}
