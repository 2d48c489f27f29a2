import { join } from 'node:path'
import { buildConsole } from '../../console/build.ts'
import { projectFolder } from '../support/folders.ts'
import { runTestFiles } from '../support/run-files.ts'
import { installChromium } from './chromium.ts'

/** `npm run docs:pictures`: takes the pictures of the documentation anew, in Chromium, of a project that is run for them. */
process.env.SLUICE_PICTURES = join(projectFolder, 'docs/pictures')
installChromium()
await buildConsole(join(projectFolder, 'dist/console'))
process.exitCode = await runTestFiles([join(import.meta.dirname, 'pictures.e2e.ts')], {
  concurrency: 1,
  timeout: 300_000,
})
