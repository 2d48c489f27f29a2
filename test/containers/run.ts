import { execFileSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'

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
const counts = { passed: 0, failed: 0 }
const tests = run({ files, concurrency: true, timeout: 900_000 })
tests.on('test:pass', ({ details, skip }) => {
  if (details.type !== 'suite' && skip === undefined) counts.passed++
})
tests.on('test:fail', ({ details }) => {
  if (details.type !== 'suite') counts.failed++
})
for await (const text of tests.compose(spec)) process.stdout.write(text)
console.log(`\n${counts.passed} passed, ${counts.failed} failed`)
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1
