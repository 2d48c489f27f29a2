import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { projectFolder, temporaryFolder } from '../support/folders.ts'
import { PYTHON } from './luigi-project.ts'

it('runs tasks of Luigi from the packed package, in a folder without a config', (test) => {
  const folder = temporaryFolder(test)
  const run = (cwd: string, command: string, ...args: string[]) =>
    execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  run(projectFolder, 'npm', 'pack', '--pack-destination', folder)
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? ''
  run(folder, 'npm', 'install', '--no-audit', '--no-fund', join(folder, tarball))
  writeFileSync(join(folder, 'reports.py'), readFileSync(join(import.meta.dirname, 'reports.py')))
  writeFileSync(join(folder, 'numbers.txt'), '7\n8\n9\n')
  const luigi = () =>
    run(
      folder,
      'npx',
      'sluice',
      'luigi',
      '--python',
      PYTHON,
      '--module',
      'reports',
      'Root',
      '--date',
      '2026-01-31',
    )
  assert.match(luigi(), /Root-\w+-1 succeeded/)
  assert.equal(readFileSync(join(folder, 'out/2026-01-31/found.txt'), 'utf8'), '70\n80\n90\n')
  assert.match(luigi(), /Nothing to do: Root\(.*is complete/)
  assert.match(run(folder, 'npx', 'sluice', 'status', 'latest'), /Root\(date=2026-01-31/)
})
