import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { projectFolder, temporaryFolder } from './support/folders.ts'

const run = (cwd: string, command: string, ...args: string[]) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

/** Packs the project and installs the tarball into an empty folder, as a user would. */
function installed(test: TestContext): string {
  const folder = temporaryFolder(test)
  run(projectFolder, 'npm', 'pack', '--pack-destination', folder)
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? ''
  run(folder, 'npm', 'install', '--no-audit', '--no-fund', join(folder, tarball))
  return folder
}

it('installs from its tarball, makes a project, runs it, and its example type-checks', (test) => {
  const folder = installed(test)
  run(folder, 'npx', 'sluice', 'init')
  assert.match(run(folder, 'npx', 'sluice', 'run', 'hello'), /2 succeeded/)
  assert.equal(readFileSync(join(folder, 'data/hello/world/hello.txt'), 'utf8'), 'Hello, world!\n')
  const tsc = join(projectFolder, 'node_modules/.bin/tsc')
  run(folder, tsc, '-p', '.')
  const example = readFileSync(join(folder, 'pipelines/hello.ts'), 'utf8')
  const wrong = example.replace('input.greeting.read()', 'input.greetings.read()')
  assert.notEqual(wrong, example)
  run(folder, process.execPath, '-e', `fs.writeFileSync('pipelines/hello.ts', ${JSON.stringify(wrong)})`)
  assert.throws(
    () => run(folder, tsc, '-p', '.'),
    (error: { stdout: string }) => /Property 'greetings' does not exist/.test(error.stdout),
  )
})
