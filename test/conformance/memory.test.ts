import { makeMemoryPlans } from '../../src/adapters/memory/plans.ts'
import { makeMemoryQueue } from '../../src/adapters/memory/queue.ts'
import { makeMemoryRecords } from '../../src/adapters/memory/records.ts'
import { testClock } from '../support/test-clock.ts'
import { conformance } from './suites.ts'

conformance('memory', async () => {
  const clock = testClock()
  return { clock, ...makeMemoryRecords(), queue: makeMemoryQueue(clock), plans: makeMemoryPlans() }
})
