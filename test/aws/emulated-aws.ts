import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** What tests and measures on the emulated AWS share: it is brought up, projects are deployed to it by the real CDK, and it ends. */
const here = import.meta.dirname
const root = join(here, '../..')

/** Brings the emulated AWS up, works with it, and ends what it has started; with AWS_TEST_KEEP it stays for the next time. */
export async function withEmulatedAws<T>(work: () => Promise<T>): Promise<T> {
  const folder = timed('emulated AWS', startServices)
  Object.assign(process.env, JSON.parse(readFileSync(join(folder, 'env.json'), 'utf8')))
  process.env.PATH = `${dirname(process.execPath)}:${process.env.PATH}`
  try {
    timed('bootstrap', () => cdk(['bootstrap', 'aws://000000000000/us-east-1', '--no-notices'], here))
    return await work()
  } finally {
    if (process.env.AWS_TEST_KEEP === undefined) stopServices(folder)
  }
}

/** Deploys an environment of the project in a folder, by the command; the build is the path of a module. */
export function deployEnvironment(environment: string, cwd: string, build: string): void {
  const args = ['deploy', '--env', environment, '--architecture', 'x86_64', '--yes']
  timed(`deploy ${environment}`, () =>
    must([join(root, 'bin/sluice.js'), ...args], cwd, { SLUICE_TEST_BUILD: build }),
  )
}

/** Deploys a stack of an app in a folder, by the CDK alone. */
export function deployStack(stack: string, app: string, cwd: string): void {
  const args = ['deploy', stack, '--app', `${process.execPath} ${app}`, '--require-approval', 'never']
  timed(`deploy ${stack}`, () => cdk([...args, '--output', `.sluice/${stack}`, '--no-notices'], cwd))
}

/** The folder of the settings of the services. */
function startServices(): string {
  const told = execFileSync('bash', [join(here, 'emulator/up.sh')], {
    env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return told.toString().trim().split('\n').at(-1) ?? ''
}

/** Ends the two services, by their ids. */
function stopServices(folder: string): void {
  for (const name of ['ministack.pid', 'podman.pid'])
    try {
      process.kill(Number(readFileSync(join(folder, name), 'utf8')))
      rmSync(join(folder, name))
    } catch {
      // It has ended by itself.
    }
}

function timed<T>(what: string, work: () => T): T {
  const began = Date.now()
  const result = work()
  console.log(`${what.padEnd(22)} ${((Date.now() - began) / 1000).toFixed(1)} s`)
  return result
}

const cdk = (args: string[], cwd: string): void =>
  must([join(root, 'node_modules/aws-cdk/bin/cdk'), ...args], cwd)

/** Runs a program of Node; where it fails, all that it said is shown. */
function must(args: string[], cwd: string, env: NodeJS.ProcessEnv = {}): void {
  const ended = spawnSync(process.execPath, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: 600_000,
  })
  if (ended.status === 0) return
  console.error(ended.stdout, ended.stderr)
  throw new Error(`${args.join(' ')} ended with ${ended.status ?? ended.signal}`)
}
