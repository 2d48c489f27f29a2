import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Group, takeMessagesInTurns } from '../../src/core/turns.ts'

/** The runs of all places in order; every run has as many messages as it is asked for. */
function order(groups: Group[], served: { [name: string]: number }, places = 1): string[] {
  const byRun = new Map(groups.map((group) => [group.run, group]))
  return takeMessagesInTurns(
    byRun,
    { places, limit: places },
    (name) => served[name] ?? 0,
    (group) => ({
      taken: group.run,
      next: undefined,
    }),
  )
}

const group = (run: string, priority = 0): Group => ({ run, pipeline: run.slice(0, 1), priority })

describe('a turn', () => {
  it('goes to the highest priority, whoever was served last', () => {
    assert.deepEqual(order([group('a1'), group('b1', 5), group('c1', -1)], { b: 9, b1: 9 }, 3), [
      'b1',
      'a1',
      'c1',
    ])
  })

  it('goes to the pipeline that was served longest ago, then to its run that was', () => {
    const served = { a: 2, a1: 2, b: 1, b1: 1, b2: 0 }
    assert.deepEqual(order([group('a1'), group('b1'), group('b2')], served), ['b2'])
  })

  it('is no more than there are places', () => {
    assert.equal(order([group('a1'), group('b1'), group('c1')], {}, 2).length, 2)
  })
})
