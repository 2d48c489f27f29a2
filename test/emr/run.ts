import { execFileSync } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { projectFolder } from '../support/folders.ts'
import { runTestFiles } from '../support/run-files.ts'

/**
 * `npm run test:emr`: installs moto into `.cache/moto`, where it is kept, and compares the wire shapes of the local server that speaks the
 * API of EMR Serverless with those of moto. Needs Python.
 */
const MOTO = 'moto[server]==5.2.5'
const venv = join(projectFolder, '.cache/moto')
const server = join(venv, 'bin/moto_server')
if (!existsSync(server)) {
  execFileSync('python3', ['-m', 'venv', venv], { stdio: 'inherit' })
  execFileSync(join(venv, 'bin/pip'), ['install', '--quiet', MOTO], { stdio: 'inherit' })
}
process.env.MOTO_SERVER = server
const files = globSync(join(import.meta.dirname, '*.e2e.ts')).sort()
process.exitCode = await runTestFiles(files, { concurrency: 1, timeout: 120_000 })
