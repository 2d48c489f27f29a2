import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { schedulerCrons } from '../../infra/scheduler-cron.ts'

describe('cron for EventBridge Scheduler', () => {
  const cases: [string, string[]][] = [
    ['0 0 * * *', ['cron(0 0 * * ? *)']],
    ['*/15 * * * *', ['cron(*/15 * * * ? *)']],
    ['0 3 * * 0-4', ['cron(0 3 ? * SUN-THU *)']],
    ['0 3 * * 1,3,7', ['cron(0 3 ? * MON,WED,SUN *)']],
    ['30 6 1 */2 *', ['cron(30 6 1 */2 ? *)']],
    ['0 6 1 * mon', ['cron(0 6 1 * ? *)', 'cron(0 6 ? * MON *)']],
    ['15 0 3 * * 5', ['cron(0 3 ? * FRI *)']],
  ]
  for (const [expression, expected] of cases)
    it(`translates ${expression}`, () => assert.deepEqual(schedulerCrons(expression), expected))
})
