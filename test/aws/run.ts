import { globSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { runTestFiles } from '../support/run-files.ts'
import { deployEnvironment, withEmulatedAws } from './emulated-aws.ts'

/**
 * `npm run test:aws [-- PATTERN …]`: brings up an emulated AWS, deploys the test project with the real CDK, runs the
 * end-to-end tests against it, and ends with the line `N passed, N failed`. What it has started it ends.
 */
const here = import.meta.dirname
const root = join(here, '../..')
const build = resolve(process.env.SLUICE_TEST_BUILD ?? join(here, 'builds/test.ts'))
// Tests that deploy more read it as well.
process.env.SLUICE_TEST_BUILD = build

process.exitCode = await withEmulatedAws(() => {
  deployEnvironment('test', join(here, 'project'), build)
  const patterns = process.argv.slice(2)
  const files = globSync(patterns.length > 0 ? patterns : 'test/aws/*.e2e.ts', { cwd: root }).sort()
  return runTestFiles(
    files.map((file) => join(root, file)),
    { concurrency: false, timeout: 1_500_000 },
  )
})
