import { globSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { runTestFiles } from '../support/run-files.ts'
import { deployEnvironment, withEmulatedAws } from './emulated-aws.ts'

/**
 * `npm run test:aws [-- [--turn today] [PATTERN …]]`: brings up an emulated AWS, deploys the test project with the real CDK, runs the
 * end-to-end tests against it, and ends with the line `N passed, N failed`. What it has started it ends. With `--turn today` only one
 * of the files that take turns is run, another one each day.
 */
const here = import.meta.dirname
const root = join(here, '../..')
const build = resolve(process.env.SLUICE_TEST_BUILD ?? join(here, 'builds/test.ts'))
// Tests that deploy more read it as well.
process.env.SLUICE_TEST_BUILD = build

/** Files of minutes each, most of whose rules are shown on one machine by every run of the gate as well. */
const IN_TURNS = ['console.e2e.ts', 'earlier.e2e.ts', 'luigi.e2e.ts']
const DAY_MS = 86_400_000

const { values, positionals } = parseArgs({
  options: { turn: { type: 'string' } },
  allowPositionals: true,
})

/** The files that are not left to another day; what is left out is told. */
function takeTurn(files: string[]): string[] {
  if (values.turn === undefined) return files
  const day = values.turn === 'today' ? Math.floor(Date.now() / DAY_MS) : Number(values.turn)
  if (!Number.isInteger(day)) throw new Error(`--turn ${values.turn} is neither today nor a number`)
  const others = IN_TURNS.filter((_, index) => index !== day % IN_TURNS.length)
  console.log(`left to another day: ${others.join(', ')}`)
  return files.filter((file) => !others.includes(basename(file)))
}

const files = globSync(positionals.length > 0 ? positionals : 'test/aws/*.e2e.ts', { cwd: root }).sort()
const paths = takeTurn(files).map((file) => join(root, file))
process.exitCode = await withEmulatedAws(() => {
  deployEnvironment('test', join(here, 'project'), build)
  return runTestFiles(paths, { concurrency: false, timeout: 1_500_000 })
})
