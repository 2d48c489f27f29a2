import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'

/** `npm test [-- PATTERN …]`: runs the test files and ends with the line `N passed, N failed`. */
const patterns = process.argv.slice(2)
const files = globSync(patterns.length > 0 ? patterns : 'test/**/*.test.ts').sort()
const counts = { passed: 0, failed: 0, skipped: 0 }

const tests = run({ files, concurrency: availableParallelism(), timeout: 900_000 })
tests.on('test:pass', ({ skip, details }) => {
  if (details.type === 'suite') return
  counts[skip === undefined || skip === false ? 'passed' : 'skipped']++
})
tests.on('test:fail', ({ details }) => {
  if (details.type === 'suite') return
  counts.failed++
})
tests.compose(spec).pipe(process.stdout)
tests.on('end', () => {
  // After the reporter has written its last line.
  setImmediate(() => {
    const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
    console.log(`\n${counts.passed} passed, ${counts.failed} failed${skipped}`)
    process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1)
  })
})
