import { globSync } from 'node:fs'
import { join } from 'node:path'
import { runTestFiles } from '../support/run-files.ts'
import { installPythonPackage } from '../support/venv.ts'

/**
 * `npm run test:spark`: installs PySpark into `.cache/spark`, where it is kept, and runs the tests of Spark jobs on this machine. Needs
 * Python and Java 17. It is no part of the gate: PySpark is 300 MB, and one job takes a minute.
 */
const programs = installPythonPackage('spark', 'pyspark==3.5.3', 'spark-submit')
process.env.SPARK_SUBMIT = join(programs, 'spark-submit')
process.env.PYSPARK_PYTHON = join(programs, 'python')
const files = globSync(join(import.meta.dirname, '*.e2e.ts')).sort()
process.exitCode = await runTestFiles(files, { concurrency: 1, timeout: 900_000 })
