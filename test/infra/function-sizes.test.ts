import assert from 'node:assert/strict'
import { it } from 'node:test'
import { readProject } from '../../infra/project.ts'
import { listFunctions, MOST_BYTES, measureSizes } from '../../tools/measure-functions/bundles.ts'
import { temporaryFolder } from '../support/folders.ts'

it('has functions of at most 2.5 MB, of which each loads at most 2 MB before its first call', async (test) => {
  const project = await readProject({
    config: 'sluice.config.ts',
    environment: 'prod',
    outdir: temporaryFolder(test),
  })
  const functions = listFunctions(project)
  assert.ok(functions.length >= 9, functions.map(({ name }) => name).join(', '))
  for (const each of functions) {
    const { uploaded, own, loaded } = measureSizes(each)
    assert.ok(own <= MOST_BYTES && own <= uploaded, `${each.name}: ${own} bytes`)
    assert.ok(loaded <= 2_000_000 && loaded > 500_000, `${each.name} loads ${loaded} bytes`)
  }
})
