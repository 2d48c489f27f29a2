import { execFileSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { runTestFiles } from '../support/run-files.ts'

/**
 * `npm run test:containers [-- PATTERN …]`: makes an image, runs the tests of containers with Docker or Podman, and ends with the line
 * `N passed, N failed`.
 */
const here = import.meta.dirname
const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` }
const told = execFileSync('bash', [join(here, 'up.sh')], { env, stdio: ['ignore', 'pipe', 'inherit'] })
for (const [name, value] of Object.entries<string>(
  JSON.parse(told.toString().trim().split('\n').at(-1) ?? '{}'),
))
  if (value !== '') process.env[name] = value

const patterns = process.argv.slice(2)
const files = globSync(patterns.length > 0 ? patterns : join(here, '*.e2e.ts')).sort()
process.exitCode = await runTestFiles(files, { concurrency: 2, timeout: 900_000 })
