import { relative } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'

/** How test files are run. */
export interface RunFilesOptions {
  /** How many at once; true: one less than there are processors. */
  concurrency: number | boolean
  /** Of a file, in milliseconds. */
  timeout: number
}

/** So many files are named with the time that they took, for who wants the gate shorter. */
const SLOWEST = 10

/**
 * Runs test files, prints what they say and which were the slowest, and ends with the line `N passed, N failed`. Resolves with the exit code: 1 if one failed
 * or none ran.
 */
export async function runTestFiles(files: string[], options: RunFilesOptions): Promise<number> {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  const tests = run({ files, ...options })
  tests.on('test:pass', ({ skip, details }) => {
    if (details.type !== 'suite') counts[skip === undefined || skip === false ? 'passed' : 'skipped']++
  })
  tests.on('test:fail', ({ details }) => {
    if (details.type !== 'suite') counts.failed++
  })
  const took: { file: string; seconds: number }[] = []
  tests.on('test:summary', ({ file, duration_ms }) => {
    if (file !== undefined) took.push({ file: relative('.', file), seconds: duration_ms / 1000 })
  })
  for await (const text of tests.compose(spec)) process.stdout.write(text)
  const slowest = took.sort((one, other) => other.seconds - one.seconds).slice(0, SLOWEST)
  for (const { file, seconds } of slowest) console.log(`${seconds.toFixed(1).padStart(8)} s  ${file}`)
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
  console.log(`\n${counts.passed} passed, ${counts.failed} failed${skipped}`)
  return counts.failed === 0 && counts.passed > 0 ? 0 : 1
}
