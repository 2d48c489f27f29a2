import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readCachedOpenRun } from '../../src/engine/open-run-cache.ts'
import { stepwise } from '../support/stepwise.ts'

/** An open run, and a store whose reads take two seconds. */
async function makeSlowStore() {
  const { context, clock, open } = stepwise()
  const id = await open('p')
  const { store } = context.ports
  let reads = 0
  const ports: typeof context.ports = {
    ...context.ports,
    store: {
      ...store,
      read: async (wanted) => {
        reads++
        const found = await store.read(wanted)
        clock.advance(2_000)
        return found
      },
    },
  }
  return { clock, look: () => readCachedOpenRun(ports, id), reads: () => reads }
}

describe('a run that was seen open', () => {
  it('is read anew five seconds after the last read began, however long that took', async () => {
    const { clock, look, reads } = await makeSlowStore()
    await look()
    clock.advance(2_999)
    await look()
    assert.equal(reads(), 1)
    clock.advance(1)
    await look()
    assert.equal(reads(), 2)
  })
})
