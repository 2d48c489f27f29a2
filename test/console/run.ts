import { globSync } from 'node:fs'
import { join } from 'node:path'
import { buildConsole } from '../../console/build.ts'
import { projectFolder } from '../support/folders.ts'
import { runTestFiles } from '../support/run-files.ts'
import { installChromium } from './chromium.ts'

/** `npm run test:console`: builds the console, installs Chromium if it is missing, and ends with `N passed, N failed`. */
installChromium()
await buildConsole(join(projectFolder, 'dist/console'))
const files = globSync(join(import.meta.dirname, '*.e2e.ts')).sort()
process.exitCode = await runTestFiles(files, { concurrency: 1, timeout: 300_000 })
