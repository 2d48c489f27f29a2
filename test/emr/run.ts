import { globSync } from 'node:fs'
import { join } from 'node:path'
import { runTestFiles } from '../support/run-files.ts'
import { installPythonPackage } from '../support/venv.ts'

/**
 * `npm run test:emr`: installs moto into `.cache/moto`, where it is kept, and compares the wire shapes of the local servers that speak the
 * APIs of EMR Serverless and EMR with those of moto, whose S3 holds the lines of steps too. Needs Python.
 */
process.env.MOTO_SERVER = join(
  installPythonPackage('moto', 'moto[server]==5.2.5', 'moto_server'),
  'moto_server',
)
const files = globSync(join(import.meta.dirname, '*.e2e.ts')).sort()
process.exitCode = await runTestFiles(files, { concurrency: 1, timeout: 120_000 })
