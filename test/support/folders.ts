import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestContext } from 'node:test'

/** The project's own folder. */
export const projectFolder = resolve(import.meta.dirname, '../..')

/** A folder that is gone after the test. */
export function temporaryFolder(test: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-'))
  test.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
