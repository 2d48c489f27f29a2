import { globSync } from 'node:fs'
import { join } from 'node:path'
import { buildConsole } from '../../console/build.ts'
import { projectFolder } from '../support/folders.ts'
import { runTestFiles } from '../support/run-files.ts'
import { installChromium } from './chromium.ts'

/** `npm run test:console [-- PATTERN …]`: builds the console, installs Chromium if it is missing, and ends with `N passed, N failed`. */
installChromium()
await buildConsole(join(projectFolder, 'dist/console'))
const patterns = process.argv.slice(2)
const files = globSync(patterns.length > 0 ? patterns : 'test/console/*.e2e.ts', {
  cwd: projectFolder,
}).sort()
process.exitCode = await runTestFiles(
  files.map((file) => join(projectFolder, file)),
  { concurrency: 1, timeout: 300_000 },
)
