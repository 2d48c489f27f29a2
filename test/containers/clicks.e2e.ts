import { it } from 'node:test'
import { requireEqualClicks, withoutRealLog } from '../support/clicks.ts'

const skip = withoutRealLog
if (skip) console.log(`skipped: clicks of the real log, ${skip}`)

it('counts the clicks of a real day in a container as in TypeScript', { timeout: 600_000, skip }, (test) =>
  requireEqualClicks(test, 'container', {
    CLICKS_PYTHON_IMAGE: 'localhost/sluice-test-python',
    CLICKS_PYTHON_VERSION: '3',
  }),
)
