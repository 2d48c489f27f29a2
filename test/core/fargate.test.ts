import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findFargateSize } from '../../src/core/fargate.ts'

describe('the size of a Fargate task', () => {
  it('is the smallest that has enough of both', () => {
    const sizes = [
      [256, 100],
      [256, 513],
      [256, 1025],
      [256, 2049],
      [512, 768],
      [300, 4096],
      [1024, 8193],
      [8192, 16_385],
      [16_384, 122_880],
    ].map(([cpu = 0, memoryMb = 0]) => findFargateSize({ cpu, memoryMb }))
    assert.deepEqual(
      sizes.map((size) => [size?.cpu, size?.memoryMb]),
      [
        [256, 512],
        [256, 1024],
        [256, 2048],
        [512, 3072],
        [512, 1024],
        [512, 4096],
        [2048, 9216],
        [8192, 20_480],
        [16_384, 122_880],
      ],
    )
  })

  it('is none if Fargate has none', () => {
    assert.equal(findFargateSize({ cpu: 256, memoryMb: 122_881 }), undefined)
    assert.equal(findFargateSize({ cpu: 16_385, memoryMb: 1024 }), undefined)
  })
})
