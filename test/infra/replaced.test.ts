import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

/** Modules that test builds use instead of Sluice's own, by what they replace. */
const REPLACED = {
  faults: ['counting', 'faults'],
  patience: ['throttled'],
  timing: ['timing', 'other-timing'],
}

describe('the modules of test builds', () => {
  it('export what those export that they replace', async () => {
    for (const [own, others] of Object.entries(REPLACED)) {
      const exported = Object.keys(await import(`../../src/homes/aws/${own}.ts`))
      for (const other of others)
        assert.deepEqual(Object.keys(await import(`../aws/replaced/${other}.ts`)), exported, other)
    }
  })
})
