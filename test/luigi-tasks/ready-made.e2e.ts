import assert from 'node:assert/strict'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { testProject } from '../support/cli.ts'
import { projectFolder } from '../support/folders.ts'
import { assertCode, PYTHON } from './luigi-project.ts'

const line = (visitor: string, path: string, status: number) =>
  `${visitor} - - [31/Jan/2026:10:00:00 +0000] "GET ${path} HTTP/1.1" ${status} 1 "-" "-"\n`

function weblogsProject(test: TestContext) {
  const project = testProject(test, {
    'weblogs/2026-01-30.log': line('a', '/', 200),
    'weblogs/2026-01-31.log': [
      line('a', '/', 200),
      line('b', '/', 200),
      line('a', '/', 200),
      line('a', '/shop?x=1', 200),
      line('b', '/shop', 500),
      line('b', '/about', 200),
      line('b', '/jobs', 200),
      'no request\n',
    ].join(''),
  })
  cpSync(join(projectFolder, 'tasks/luigi'), project.folder, { recursive: true })
  return project
}

it('the ready-made pipeline reports the pages that are asked for most, and waits for logs', async (test) => {
  const project = weblogsProject(test)
  const env = { LUIGI_PYTHON: PYTHON }
  const run = (...args: string[]) =>
    project.start(['run', 'weblogs', '--until', '2026-01-31', ...args], { env }).ended
  const ended = await run('--days', '2')
  assertCode(ended, 0)
  const read = (path: string) => readFileSync(project.path(path), 'utf8')
  assert.equal(
    read('data/2026-01-31-top-3.txt'),
    '/ 3 requests, 2 visitors, 0 errors\n/shop 2 requests, 2 visitors, 1 errors\n/about 1 requests, 1 visitors, 0 errors\n',
  )
  assert.equal(read('data/2026-01-30-top-3.txt'), '/ 1 requests, 1 visitors, 0 errors\n')
  const waiting = await run('--days', '3', '--wait', '1s')
  assertCode(waiting, 4)
  assert.match(waiting.stdout, /Log\(date=2026-01-29\): what it stands for is not there yet/)
  const plan = await project.start(['plan', 'weblogs', '--until', '2026-01-31', '--days', '2'], { env }).ended
  assert.match(plan.stdout, /0 to run, 1 complete/)
})
