import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { projectFolder } from './folders.ts'

/** Installs a package of Python into `.cache/NAME`, where it is kept; returns the folder of its programs. `program` is one of them. */
export function installPythonPackage(name: string, what: string, program: string): string {
  const venv = join(projectFolder, '.cache', name)
  const programs = join(venv, 'bin')
  if (existsSync(join(programs, program))) return programs
  execFileSync('python3', ['-m', 'venv', venv], { stdio: 'inherit' })
  execFileSync(join(programs, 'pip'), ['install', '--quiet', what], { stdio: 'inherit' })
  return programs
}
