import { execFileSync } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { buildConsole } from '../../console/build.ts'
import { projectFolder } from '../support/folders.ts'
import { runTestFiles } from '../support/run-files.ts'
import { CHROMIUM } from './browser.ts'

/** `npm run test:console`: builds the console, installs Chromium if it is missing, and ends with `N passed, N failed`. */
if (!existsSync(CHROMIUM))
  execFileSync('bash', ['-c', 'apt-get update -qq && apt-get install -y -qq chromium fonts-dejavu-core'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
await buildConsole(join(projectFolder, 'dist/console'))
const files = globSync(join(import.meta.dirname, '*.e2e.ts')).sort()
process.exitCode = await runTestFiles(files, { concurrency: 1, timeout: 300_000 })
