import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type TestProject, testProject } from '../support/cli.ts'

/** The Python with Luigi that the tests run in. */
export const PYTHON = process.env.LUIGI_PYTHON ?? 'python3'

/** A project with a module of Luigi. */
export interface LuigiProject extends TestProject {
  /** `sluice luigi` with the Python of the tests. */
  luigi(...args: string[]): ReturnType<TestProject['sluice']>
  /** The lines that tasks have noted. */
  notes(): string[]
  read(path: string): string
}

/** A project with `reports.py` and these files. */
export function luigiProject(test: TestContext, files: Record<string, string> = {}): LuigiProject {
  const project = testProject(test, {
    'reports.py': readFileSync(join(import.meta.dirname, 'reports.py'), 'utf8'),
    ...files,
  })
  const read = (path: string) => readFileSync(project.path(path), 'utf8')
  return {
    ...project,
    luigi: (...args) => project.sluice('luigi', '--python', PYTHON, ...args),
    notes: () => (existsSync(project.path('notes')) ? read('notes').trim().split('\n') : []),
    read,
  }
}

/** The lines of a module. */
export const python = (...lines: string[]): string => `import luigi\n${lines.join('\n')}\n`

/** Fails with what the command has said unless it ended with this code. */
export function assertCode(ended: Awaited<ReturnType<TestProject['sluice']>>, code: number): void {
  assert.equal(ended.code, code, ended.stdout + ended.stderr)
}
