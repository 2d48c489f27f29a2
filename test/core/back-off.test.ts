import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { computeBackOffMs, computeJitteredBackOffMs } from '../../src/core/back-off.ts'
import { splitIntoChunks } from '../../src/core/chunks.ts'

describe('a back-off', () => {
  const backOff = { firstMs: 20, longestMs: 1_000 }

  it('doubles with each try up to the longest delay, also after very many', () => {
    const delays = [0, 1, 2, 5, 6, 5_000].map((earlier) => computeBackOffMs(backOff, earlier))
    assert.deepEqual(delays, [20, 40, 80, 640, 1_000, 1_000])
  })

  it('lies anywhere between nothing and that delay with jitter', () => {
    assert.equal(computeJitteredBackOffMs(backOff, 3, 0), 0)
    assert.equal(computeJitteredBackOffMs(backOff, 3, 0.5), 80)
  })
})

describe('chunks', () => {
  it('hold all items in order, the last one what is left', () => {
    assert.deepEqual(splitIntoChunks([1, 2, 3, 4, 5], 2), [[1, 2], [3, 4], [5]])
    assert.deepEqual(splitIntoChunks([1, 2], 2), [[1, 2]])
    assert.deepEqual(splitIntoChunks([], 2), [])
  })
})
