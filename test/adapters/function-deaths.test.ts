import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findFunctionDeath } from '../../src/adapters/cloudwatch/function-deaths.ts'
import { makeLambdaDeathFinder } from '../../src/homes/aws/lambda-deaths.ts'

const report = (id: string, used: number, more = '') =>
  `REPORT RequestId: ${id}\tDuration: 3012.57 ms\tBilled Duration: 3013 ms\tMemory Size: 1024 MB\tMax Memory Used: ${used} MB\t${more}`
const exited = (id: string, how: string) => `RequestId: ${id} Error: Runtime exited with error: ${how}`

describe('the death of a function, by its log', () => {
  it('is for want of memory where it was killed with all of its memory in use', () => {
    const full = { isOutOfMemory: true, message: 'the memory of the function, 1024 MB, was full' }
    assert.deepEqual(findFunctionDeath([exited('a', 'signal: killed'), report('a', 1024)]), full)
    assert.deepEqual(
      findFunctionDeath([report('a', 1024, 'Status: error\tError Type: Runtime.OutOfMemory')]),
      full,
    )
  })

  it('is another one where it was killed with memory left, or has exited', () => {
    assert.deepEqual(findFunctionDeath([exited('a', 'signal: killed'), report('a', 300)]), {
      isOutOfMemory: false,
      message: 'its function ended: Runtime exited with error: signal: killed',
    })
    assert.deepEqual(findFunctionDeath([exited('a', 'exit status 3'), report('a', 1024)]), {
      isOutOfMemory: false,
      message: 'its function ended: Runtime exited with error: exit status 3',
    })
  })

  it('is none where the first invocation returned, whatever came later, or nothing was told', () => {
    assert.equal(
      findFunctionDeath([report('a', 1024), exited('b', 'signal: killed'), report('b', 1024)]),
      undefined,
    )
    assert.equal(findFunctionDeath([]), undefined)
  })

  it('is looked for in the stream that the worker is named by, from the start of the attempt', async () => {
    const reads: unknown[] = []
    const deathOf = makeLambdaDeathFinder({ default: '/aws/lambda/pool' }, async (...query) => {
      reads.push(query)
      throw new Error('AccessDenied')
    })
    assert.equal(await deathOf({ worker: 'lambda/2026/x', pool: 'default', startedAt: 7 }), undefined)
    assert.equal(await deathOf({ worker: 'fargate/abc', pool: 'default', startedAt: 7 }), undefined)
    assert.deepEqual(reads, [['/aws/lambda/pool', '2026/x', 7]])
  })
})
