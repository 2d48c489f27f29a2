import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { App, Stack } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import * as sqs from 'aws-cdk-lib/aws-sqs'
import type { Layout } from '../../infra/layout.ts'
import { Schedules } from '../../infra/schedules.ts'
import { makeScheduleIntervals } from '../../src/core/calendar.ts'
import { findCronProblem } from '../../src/core/cron.ts'
import { hasJustFired } from '../../src/homes/aws/handlers/schedule.ts'
import fc from '../support/fast-check.ts'

const MINUTE_MS = 60_000

/**
 * Reads what EventBridge Scheduler takes, as its guide says it, and tells how many minutes may pass between two firings:
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 */
function minutesBetween(expression: string): number {
  const rate = /^rate\(([1-9]\d*) (minutes?|hours?|days?)\)$/.exec(expression)
  if (rate !== null) {
    const [, count = '', unit = ''] = rate
    assert.equal(unit.endsWith('s'), count !== '1', 'one minute, two minutes')
    return Number(count) * { minute: 1, hour: 60, day: 1_440 }[unit.replace(/s$/, '') as 'minute']
  }
  const fields = /^cron\((.+)\)$/.exec(expression)?.[1]?.split(' ') ?? []
  assert.equal(fields.length, 6, 'minutes, hours, day of the month, month, day of the week, year')
  const [minutes = '', hours, dayOfMonth, month, dayOfWeek, year] = fields
  assert.ok((dayOfMonth === '?') !== (dayOfWeek === '?'), 'one of the days is ?')
  assert.deepEqual([hours, month, year], ['*', '*', '*'])
  assert.ok([dayOfMonth, dayOfWeek].includes('*'))
  return minutes === '*' ? 1 : Number(/^\*\/(\d+)$/.exec(minutes)?.[1] ?? Number.NaN)
}

function schedules(): { Name: string; ScheduleExpression: string; Target: { Input: string } }[] {
  const stack = new Stack(new App(), 'stack')
  new Schedules(stack, 'Schedules', {
    scheduleArn: 'arn:aws:lambda:eu-west-2:123456789012:function:schedule',
    tickArn: 'arn:aws:lambda:eu-west-2:123456789012:function:tick',
    deadLetters: new sqs.Queue(stack, 'DeadLetters'),
    layout: { anyPrefix: 'stack-' } as Layout,
  })
  const { Resources } = Template.fromStack(stack).toJSON()
  const all = Object.values(Resources as Record<string, { Type: string; Properties: never }>)
  return all.filter(({ Type }) => Type === 'AWS::Scheduler::Schedule').map(({ Properties }) => Properties)
}

/** Fields of cron as croner reads them: numbers, names, ranges, steps, lists, the last, the nearest, the n-th. */
function field(
  least: number,
  most: number,
  names: string[] = [],
  extra: string[] = [],
): fc.Arbitrary<string> {
  const value = fc.integer({ min: least, max: most })
  const range = fc.tuple(value, value).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`)
  const step = fc.integer({ min: 1, max: Math.max(1, most) })
  const one = fc.oneof(
    value.map(String),
    range,
    fc.constantFrom('*', '?', ...names, ...extra),
    fc.tuple(fc.oneof(fc.constant('*'), range), step).map(([of, by]) => `${of}/${by}`),
  )
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant('*') },
    one,
    fc.array(one, { minLength: 2, maxLength: 3 }).map((list) => list.join(',')),
  )
}

const MONTHS = ['JAN', 'feb', 'Dec']
const DAYS = ['SUN', 'mon', '7', '1#1', 'FRI#L', '5L', 'MON-FRI', '*/2']
const fiveFields = fc
  .tuple(
    field(0, 59),
    field(0, 23),
    field(1, 31, [], ['L', 'LW', '15W']),
    field(1, 12, MONTHS),
    field(0, 7, DAYS),
  )
  .map((fields) => fields.join(' '))
const expressions = fc.oneof(
  fiveFields,
  fc.tuple(field(0, 59), fiveFields).map((parts) => parts.join(' ')),
  fc.constantFrom('@daily', '@hourly', '@weekly', '@monthly', '@yearly', '@annually', '@midnight'),
)
const zones = fc.constantFrom(
  'UTC',
  'Europe/London',
  'America/New_York',
  'Australia/Lord_Howe',
  'Pacific/Chatham',
)

describe('schedules on AWS', () => {
  it('are expressions that EventBridge takes, whatever the pipelines say', () => {
    const told = schedules().map(({ Name, ScheduleExpression }) => [Name, minutesBetween(ScheduleExpression)])
    assert.deepEqual(Object.fromEntries(told), { Tick: 1, Firings: 1, Intervals: 5 })
  })

  it('look each minute at what has fired, also where a look comes a minute late: every firing of all that is accepted', () => {
    const looks = schedules().find(({ Name }) => Name === 'Firings')
    assert.deepEqual(JSON.parse(looks?.Target.Input ?? ''), { only: 'fired' })
    let accepted = 0
    fc.assert(
      fc.property(
        expressions,
        zones,
        fc.date({ min: new Date('2026-01-01'), max: new Date('2027-12-31'), noInvalidDate: true }),
        fc.integer({ min: 0, max: MINUTE_MS - 1 }),
        (cron, timeZone, from, delayMs) => {
          if (findCronProblem(cron) !== undefined) return
          accepted++
          const firedAt = makeScheduleIntervals({ cron, timeZone }).from(from.getTime()).start
          // Scheduler fires within the minute that it names: https://docs.aws.amazon.com/scheduler/latest/UserGuide/what-is-scheduler.html
          const lookedAt = Math.ceil(firedAt / MINUTE_MS) * MINUTE_MS + delayMs
          assert.ok(
            hasJustFired({ cron, timeZone }, lookedAt),
            `${cron} at ${new Date(firedAt).toISOString()}`,
          )
        },
      ),
      { numRuns: 300 },
    )
    assert.ok(accepted > 100, `${accepted} were accepted`)
  })

  it('do not look at what has not fired', () => {
    const firing = { cron: '0 3 * * *', timeZone: 'UTC' }
    assert.equal(hasJustFired(firing, Date.parse('2026-03-01T03:02:59Z')), true)
    assert.equal(hasJustFired(firing, Date.parse('2026-03-01T03:03:00Z')), false)
    assert.equal(hasJustFired(firing, Date.parse('2026-03-01T02:59:59Z')), false)
  })
})
