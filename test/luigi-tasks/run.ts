import { execFileSync } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectFolder } from '../support/folders.ts'
import { runTestFiles } from '../support/run-files.ts'

/**
 * `npm run test:luigi-tasks -- [--all] [FILE …]`: installs Luigi into `.cache`, where it is kept, and runs tasks of Luigi by `sluice
 * luigi` and by `luigi()`. With `--all`, on each Python of this machine with a version of Luigi of its time; what is not here is told.
 */
const { values, positionals } = parseArgs({
  options: { all: { type: 'boolean' } },
  allowPositionals: true,
})

/** Each Python with a Luigi, from the oldest to the newest that the shim is written for. */
const VERSIONS: { python: string; packages: string[] }[] = [
  { python: '3.6', packages: ['pip<22', 'python-daemon<3', 'luigi==2.8.13'] },
  { python: '3.7', packages: ['python-daemon<3', 'luigi==2.8.13'] },
  { python: '3.9', packages: ['luigi==3.0.3'] },
  { python: '3.11', packages: ['luigi==3.5.2'] },
  { python: '3.13', packages: ['luigi==3.8.1'] },
]
const NEWEST = { python: '3', packages: ['luigi==3.8.1'] }

/** A Python of this version, of PATH or of pyenv. */
function findPython(version: string): string | undefined {
  if (version === '3') return 'python3'
  const [found] = globSync(join(homedir(), `.pyenv/versions/${version}.*/bin/python`))
  if (found !== undefined) return found
  try {
    execFileSync(`python${version}`, ['--version'], { stdio: 'ignore' })
    return `python${version}`
  } catch {
    return undefined
  }
}

/** The Python of a virtual environment that has these packages. */
function makeEnvironment(python: string, { python: version, packages }: (typeof VERSIONS)[number]): string {
  const folder = join(projectFolder, `.cache/luigi-${version}-${packages.at(-1)?.split('==')[1]}`)
  const own = join(folder, 'bin/python')
  if (existsSync(join(folder, 'bin/luigi'))) return own
  execFileSync(python, ['-m', 'venv', folder], { stdio: 'inherit' })
  for (const each of packages)
    execFileSync(own, ['-m', 'pip', 'install', '--quiet', '--upgrade', each], { stdio: 'inherit' })
  return own
}

const files = positionals.length > 0 ? positionals : globSync(join(import.meta.dirname, '*.e2e.ts')).sort()
for (const version of values.all ? VERSIONS : [NEWEST]) {
  const python = findPython(version.python)
  if (python === undefined) {
    console.log(`skipped: Python ${version.python} is not on this machine`)
    continue
  }
  console.log(`Python ${version.python} with ${version.packages.at(-1)}`)
  process.env.LUIGI_PYTHON = makeEnvironment(python, version)
  if ((await runTestFiles(files, { concurrency: 2, timeout: 600_000 })) !== 0) process.exitCode = 1
}
