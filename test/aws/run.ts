import { execFileSync, spawnSync } from 'node:child_process'
import { globSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runTestFiles } from '../support/run-files.ts'

/**
 * `npm run test:aws [-- PATTERN …]`: brings up an emulated AWS, deploys the test project with the real CDK, runs the
 * end-to-end tests against it, and ends with the line `N passed, N failed`. What it has started it ends.
 */
const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '../..')
const isKept = process.env.AWS_TEST_KEEP !== undefined

const folder = timed('emulated AWS', () => {
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` }
  const told = execFileSync('bash', [join(here, 'emulator/up.sh')], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return told.toString().trim().split('\n').at(-1) ?? ''
})
Object.assign(process.env, JSON.parse(readFileSync(join(folder, 'env.json'), 'utf8')))
process.env.PATH = `${dirname(process.execPath)}:${process.env.PATH}`
process.env.SLUICE_TEST_BUILD ??= join(here, 'builds/test.ts')

try {
  timed('bootstrap', () => cdk(['bootstrap', 'aws://000000000000/us-east-1', '--no-notices']))
  timed('deploy', () => sluice(['deploy', '--env', 'test', '--architecture', 'x86_64', '--yes']))
  process.exitCode = await runTests()
} finally {
  if (!isKept) stop()
}

function timed<T>(what: string, work: () => T): T {
  const began = Date.now()
  const result = work()
  console.log(`${what.padEnd(14)} ${((Date.now() - began) / 1000).toFixed(1)} s`)
  return result
}

function cdk(args: string[]): void {
  must(process.execPath, [join(root, 'node_modules/aws-cdk/bin/cdk'), ...args])
}

function sluice(args: string[]): void {
  must(process.execPath, [join(root, 'bin/sluice.js'), ...args])
}

/** Runs in the test project; where it fails, all that it said is shown. */
function must(program: string, args: string[]): void {
  const ended = spawnSync(program, args, { cwd: join(here, 'project'), encoding: 'utf8', timeout: 600_000 })
  if (ended.status === 0) return
  console.error(ended.stdout, ended.stderr)
  throw new Error(`${args.join(' ')} ended with ${ended.status ?? ended.signal}`)
}

async function runTests(): Promise<number> {
  const patterns = process.argv.slice(2)
  const files = globSync(patterns.length > 0 ? patterns : 'test/aws/*.e2e.ts', { cwd: root }).sort()
  return runTestFiles(
    files.map((file) => join(root, file)),
    { concurrency: false, timeout: 1_500_000 },
  )
}

/** Ends the two services, by their ids. */
function stop(): void {
  for (const name of ['ministack.pid', 'podman.pid'])
    try {
      process.kill(Number(readFileSync(join(folder, name), 'utf8')))
      rmSync(join(folder, name))
    } catch {
      // It has ended by itself.
    }
}
