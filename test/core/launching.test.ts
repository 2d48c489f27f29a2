import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { makeGovernor, shrinkGovernor, takeLaunchToken } from '../../src/core/governor.ts'
import { makeJobEnding } from '../../src/core/job-end.ts'
import type { JobEnd } from '../../src/core/ports/launching.ts'
import type { Governor, Launch } from '../../src/core/records/launch.ts'
import type { AttemptOutcome } from '../../src/core/records/status.ts'

const LIMITS = { most: 10, least: 0.5, burst: 5 }

/** What the next launches are told at one instant, and the governor after that. */
function takeMany(row: Governor, steady: number, launches: number) {
  const waits: number[] = []
  for (let taken = 0; taken < launches; taken++) {
    const { governor, waitMs } = takeLaunchToken(row, LIMITS, steady)
    waits.push(governor === undefined ? -waitMs : waitMs)
    row = governor ?? row
  }
  return { row, waits }
}

describe('the governor of launches', () => {
  it('gives a burst, then an instant of its own to each launch', () => {
    const first = takeMany(makeGovernor(LIMITS, 0), 0, 8)
    assert.deepEqual(first.waits, [0, 0, 0, 0, 0, 100, 200, 300])
    // Those who have an instant do not come back, so the next one comes after them.
    assert.deepEqual(takeMany(first.row, 300, 2).waits, [100, 200])
    assert.deepEqual(takeMany(first.row, 60_000, 6).waits, [0, 0, 0, 0, 0, 100])
  })

  it('promises nothing that is far away', () => {
    const { waits } = takeMany({ ...makeGovernor(LIMITS, 0), rate: 0.01, tokens: 0 }, 0, 6)
    assert.deepEqual(waits, [100_000, 200_000, 300_000, -300_000, -300_000, -300_000])
  })

  it('shrinks each time the service throttles, down to the least, and grows by time', () => {
    let row = shrinkGovernor(makeGovernor(LIMITS, 0), LIMITS, 0)
    assert.deepEqual([row.rate, row.tokens], [5, 0])
    for (let times = 0; times < 10; times++) row = shrinkGovernor(row, LIMITS, 0)
    assert.equal(row.rate, 0.5)
    assert.deepEqual(takeMany(row, 0, 1).waits, [2_000])
    assert.equal(takeMany(row, 300_000, 1).row.rate, 10)
  })

  it('is not filled twice by clocks that differ', () => {
    const { row } = takeMany(makeGovernor(LIMITS, 0), 0, 5)
    const ahead = takeMany(row, 400, 4)
    assert.deepEqual(ahead.waits, [0, 0, 0, 0])
    assert.deepEqual(takeMany(ahead.row, 100, 1).waits, [400])
  })
})

describe('the end of a job elsewhere', () => {
  const message = 'said the service'
  const byService = (end: Omit<JobEnd, 'message'>, stopping?: Launch['stopping']) =>
    makeJobEnding({ ...end, message }, { stopping, hasKeeper: false })

  it('is the end of its attempt, and only the failures of the user count', () => {
    const outcomes = {
      succeeded: 'succeeded',
      failed: 'failed',
      out_of_memory: 'out_of_memory',
      timeout: 'timed_out',
      spot: 'interrupted',
      no_capacity: 'not_started',
      never_started: 'not_started',
      invalid: 'failed',
      cancelled: 'interrupted',
      lost: 'lost',
    } satisfies { [cause in JobEnd['cause']]: AttemptOutcome }
    for (const cause of Object.keys(outcomes) as JobEnd['cause'][])
      assert.equal(byService({ cause }).outcome, outcomes[cause])
    assert.equal(byService({ cause: 'failed', exitCode: 75 }).outcome, 'throttled')
    assert.equal(byService({ cause: 'invalid' }).isFinal, true)
  })

  it('is what stopped it, unless it had succeeded', () => {
    assert.equal(byService({ cause: 'cancelled' }, 'timed_out').outcome, 'timed_out')
    assert.equal(byService({ cause: 'failed', exitCode: 137 }, 'cancelled').outcome, 'cancelled')
    assert.equal(byService({ cause: 'succeeded' }, 'cancelled').outcome, 'succeeded')
  })

  it('waits if there was no capacity', () => {
    assert.equal(byService({ cause: 'no_capacity' }).awaits, 'capacity')
    assert.equal(byService({ cause: 'no_capacity' }, 'cancelled').awaits, undefined)
  })

  it('is lost if its keeper ended and has written nothing, whatever its exit code', () => {
    for (const exitCode of [0, 75, 137]) {
      const cause = exitCode === 0 ? 'succeeded' : 'failed'
      assert.equal(makeJobEnding({ cause, exitCode, message }, { hasKeeper: true }).outcome, 'lost')
    }
  })
})
