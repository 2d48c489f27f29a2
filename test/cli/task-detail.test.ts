import assert from 'node:assert/strict'
import { it } from 'node:test'
import { renderTaskDetail } from '../../src/cli/render/task-detail.ts'
import { TASK } from '../../src/http/examples.ts'

it('a task that was launched elsewhere tells how long each known part of its start took', () => {
  const detailOf = (launch: typeof TASK.launch) => renderTaskDetail({ ...TASK, launch }, null)
  const claimedAt = 1_000_000
  const times = {
    claimedAt,
    launchedAt: claimedAt + 2_000,
    pullingAt: claimedAt + 5_000,
    startingAt: claimedAt + 25_000,
    runningAt: claimedAt + 29_000,
  }
  assert.match(
    detailOf(times),
    /launch {3}accepted after 2.*s, queued for 3.*s, image pulled in 20.*s, started in 4.*s\n/,
  )
  // The service has not told of the pull, and its clock is behind.
  assert.match(
    detailOf({ claimedAt, launchedAt: claimedAt + 2_000, runningAt: claimedAt + 1_000 }),
    /launch {3}accepted after 2.*s, queued for 0/,
  )
  assert.ok(!detailOf(null).includes('launch'))
})
