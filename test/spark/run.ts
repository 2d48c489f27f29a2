import { execFileSync } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { projectFolder } from '../support/folders.ts'
import { runTestFiles } from '../support/run-files.ts'

/**
 * `npm run test:spark`: installs PySpark into `.cache/spark`, where it is kept, and runs the tests of Spark jobs on this machine. Needs
 * Python and Java 17. It is no part of the gate: PySpark is 300 MB, and one job takes a minute.
 */
const PYSPARK = 'pyspark==3.5.3'
const venv = join(projectFolder, '.cache/spark')
const submit = join(venv, 'bin/spark-submit')
if (!existsSync(submit)) {
  execFileSync('python3', ['-m', 'venv', venv], { stdio: 'inherit' })
  execFileSync(join(venv, 'bin/pip'), ['install', '--quiet', PYSPARK], { stdio: 'inherit' })
}
process.env.SPARK_SUBMIT = submit
process.env.PYSPARK_PYTHON = join(venv, 'bin/python')
const files = globSync(join(import.meta.dirname, '*.e2e.ts')).sort()
process.exitCode = await runTestFiles(files, { concurrency: 1, timeout: 900_000 })
