import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { testProject } from './cli.ts'
import { projectFolder } from './folders.ts'

const realLog = join(projectFolder, '../shared/data/weblogs/access.log')
const cwd = join(projectFolder, 'tasks/search/by-program')
const DAY = '2015-05-18'

/** Why the real log cannot be read; false if it can. */
export const withoutRealLog = existsSync(realLog) ? false : 'no ../shared/data'

/** Counts the clicks of a real day in TypeScript and by another program, and requires that all results are equal. */
export async function requireEqualClicks(
  test: TestContext,
  by: 'container' | 'spark',
  env: Record<string, string>,
): Promise<void> {
  const project = testProject(test, {})
  const place = ['--state', project.path('.sluice'), '--data', project.path('data')]
  for (const each of ['typescript', by]) {
    const args = ['run', 'search-day-by-program', '--interval', DAY, '--by', each, '--source', realLog]
    const { code, stdout, stderr } = await project.start([...args, ...place], { env, cwd }).ended
    assert.equal(code, 0, stdout + stderr)
  }
  const read = (name: string) =>
    JSON.parse(readFileSync(project.path('data/search/day', `${DAY}.${name}.json`), 'utf8'))
  const clicks = read('clicks')
  assert.equal(clicks.clickThrough.length, 20)
  assert.deepEqual(read(`clicks.${by}`), clicks)
  assert.deepEqual(read(by), read('typescript'))
}
