import { memoryPlans } from '../../src/adapters/memory/plans.ts'
import { memoryQueue } from '../../src/adapters/memory/queue.ts'
import { memoryRecords } from '../../src/adapters/memory/records.ts'
import { testClock } from '../support/test-clock.ts'
import { conformance } from './suites.ts'

conformance('memory', async () => {
  const clock = testClock()
  return { clock, ...memoryRecords(), queue: memoryQueue(clock), plans: memoryPlans() }
})
