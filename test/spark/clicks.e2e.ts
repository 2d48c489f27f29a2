import { it } from 'node:test'
import { requireEqualClicks, withoutRealLog } from '../support/clicks.ts'

const skip = withoutRealLog
if (skip) console.log(`skipped: clicks of the real log, ${skip}`)

it('counts the clicks of a real day on Spark as in TypeScript', { timeout: 600_000, skip }, (test) =>
  requireEqualClicks(test, 'spark', {}),
)
