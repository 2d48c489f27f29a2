import assert from 'node:assert/strict'
import { it } from 'node:test'
import { renderTaskDetail } from '../../src/cli/render/task-detail.ts'
import { computeAttemptParts } from '../../src/core/attempt-parts.ts'
import { TASK } from '../../src/http/examples.ts'

const at = 1_000_000

it('the details of a task tell how long each known part of its last attempt took', () => {
  const detailOf = (parts: typeof TASK.parts) => renderTaskDetail({ ...TASK, parts }, null)
  const parts = computeAttemptParts({
    readyAt: at,
    waitedSince: at + 1_000,
    claimedAt: at + 3_000,
    pullingAt: at + 8_000,
    startingAt: at + 28_000,
    runningAt: at + 32_000,
    endedAt: at + 92_000,
  })
  assert.deepEqual(parts, {
    queuedMs: 1_000,
    limitMs: 2_000,
    launchMs: 5_000,
    pullMs: 20_000,
    startMs: 4_000,
    runMs: 60_000,
  })
  assert.match(detailOf(parts), /parts {4}queued 1s, waiting 2s, launch 5s, image 20s, start 4s, run 1m\n/)
  assert.ok(!detailOf({}).includes('parts'))
})

it('parts that are not known are part of the one before, and clocks that differ give no time below zero', () => {
  // The service has not told of the pull, and its clock is behind.
  const elsewhere = { claimedAt: at, runningAt: at - 1_000, endedAt: at + 9_000 }
  assert.deepEqual(computeAttemptParts(elsewhere), { launchMs: 0, runMs: 9_000 })
  // A body whose process was there runs from its claim on.
  assert.deepEqual(computeAttemptParts({ readyAt: at, claimedAt: at + 5, endedAt: at + 7 }), {
    queuedMs: 5,
    runMs: 2,
  })
  // What goes on is not over.
  assert.deepEqual(computeAttemptParts({ readyAt: at, waitedSince: at + 5 }), { queuedMs: 5 })
})
