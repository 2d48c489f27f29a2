import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { it } from 'node:test'
import { projectFolder, temporaryFolder } from '../support/folders.ts'

const range = (size: number) => Array.from({ length: size }, (_, number) => number)

it('files of one folder are found by one listing, and only where Luigi itself would look', (test) => {
  const python = process.env.LUIGI_PYTHON ?? 'python3'
  const script = join(import.meta.dirname, 'listings.py')
  const args = [script, join(projectFolder, 'python/sluice_luigi.py'), temporaryFolder(test)]
  const told = JSON.parse(execFileSync(python, args, { encoding: 'utf8' }))
  const first = (size: number) => range(10).map((number) => number < size)
  // The seventh is a link to nowhere, which is looked at itself.
  assert.deepEqual(told.Plain, { listings: 1, looks: 1, answers: first(6) })
  assert.deepEqual(told.OwnAnswer, { listings: 0, looks: 0, answers: first(10) })
  assert.deepEqual(told.WithOwnTarget, { listings: 0, looks: 0, answers: first(10) })
  assert.deepEqual(told.Throws.answers, range(10).fill('complete() threw: RuntimeError: no target' as never))
  // What has much more than is looked for is not read to its end.
  assert.deepEqual(told.Crowded, { listings: 1, looks: 10, answers: first(10) })
  assert.deepEqual(told.Nowhere, { listings: 1, looks: 0, answers: first(0) })
  assert.equal(told.Few.listings, 0)
  assert.deepEqual(told.Two, { listings: 2, looks: 1, answers: first(2) })
})
