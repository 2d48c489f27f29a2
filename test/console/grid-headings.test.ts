import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { makeHeadings } from '../../console/pages/grid-headings.ts'

/** Instants of the zone of this machine, as the page has them. */
const at = (day: number, hour = 0, minute = 0) => new Date(2026, 0, day, hour, minute).getTime()
const range = (count: number) => Array.from({ length: count }, (_, index) => index)
const say = (headings: { label: string; count: number }[]) =>
  headings.map(({ label, count }) => `${label} ×${count}`)

describe('headings of the grid', () => {
  it('are days with hours where intervals are short', () => {
    const { outer, unit, inner } = makeHeadings(range(8).map((quarter) => at(1, 23, 15 * quarter)))
    assert.deepEqual(say(outer), ['1 Jan 2026 ×4', '2 Jan 2026 ×4'])
    assert.equal(unit, 'Hour')
    assert.deepEqual(say(inner), ['23 ×4', '0 ×4'])
  })

  it('are months with days where intervals are days, also with a gap', () => {
    const { outer, unit, inner } = makeHeadings([...range(3).map((day) => at(30 + day)), at(52)])
    assert.deepEqual(say(outer), ['Jan 2026 ×2', 'Feb 2026 ×2'])
    assert.equal(unit, 'Day')
    assert.deepEqual(say(inner), ['30 ×1', '31 ×1', '1 ×1', '21 ×1'])
  })

  it('are days of the schedule, wherever the browser is', () => {
    const days = ['2026-03-28T00:00Z', '2026-03-29T00:00Z', '2026-03-29T23:00Z', '2026-03-30T23:00Z']
    const { inner } = makeHeadings(days.map(Date.parse), 'Europe/London')
    assert.deepEqual(say(inner), ['28 ×1', '29 ×1', '30 ×1', '31 ×1'])
    const hours = ['2026-03-29T23:00Z', '2026-03-30T00:00Z', '2026-03-30T01:00Z']
    const { outer, inner: ofDay } = makeHeadings(hours.map(Date.parse), 'Europe/London')
    assert.deepEqual(say(outer), ['30 Mar 2026 ×3'])
    assert.deepEqual(say(ofDay), ['0 ×1', '1 ×1', '2 ×1'])
    assert.equal(makeHeadings(days.map(Date.parse), 'Moon/Base').outer.length, 1)
  })

  it('are years with months where intervals are months', () => {
    const { outer, unit, inner } = makeHeadings(range(14).map((month) => new Date(2025, month, 1).getTime()))
    assert.deepEqual(say(outer), ['2025 ×12', '2026 ×2'])
    assert.equal(unit, 'Month')
    assert.deepEqual(inner.at(-1), { label: '2', count: 1 })
  })

  it('keep the same hour of two days apart, and are there for one column or none', () => {
    const { inner } = makeHeadings([at(1, 5), at(2, 5), at(2, 6), at(2, 7)])
    assert.deepEqual(say(inner), ['5 ×1', '5 ×1', '6 ×1', '7 ×1'])
    assert.deepEqual(makeHeadings([at(9)]), {
      outer: [{ label: 'Jan 2026', count: 1 }],
      unit: 'Day',
      inner: [{ label: '9', count: 1 }],
    })
    assert.deepEqual(makeHeadings([]).outer, [])
  })
})
