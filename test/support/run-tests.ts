import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { runTestFiles } from './run-files.ts'

/** `npm test [-- PATTERN …]`: runs the test files and ends with the line `N passed, N failed`. */
const patterns = process.argv.slice(2)
const files = globSync(patterns.length > 0 ? patterns : 'test/**/*.test.ts').sort()
// Tests wait for processes, servers and leases for half of their time. One that leaves something running is not to keep this process.
const concurrency = 2 * availableParallelism()
process.exit(await runTestFiles(files, { concurrency, timeout: 900_000 }))
