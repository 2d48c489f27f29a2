import assert from 'node:assert/strict'
import { it } from 'node:test'
import { makeRepeatFilter } from '../../console/pages/repeated-lines.ts'

const line = (at: number, text: string, attempt = 1) => ({
  at,
  text,
  attempt,
  level: 'info' as const,
  task: 'A',
  number: 0,
})

it('leaves out lines that an earlier page had, and keeps those that were written twice', () => {
  const takeNew = makeRepeatFilter()
  const first = [line(1, 'a'), line(2, 'b'), line(2, 'b')]
  assert.deepEqual(takeNew(first), first)
  assert.deepEqual(takeNew([...first, line(3, 'c'), line(1, 'a', 2)]), [line(3, 'c'), line(1, 'a', 2)])
  assert.deepEqual(takeNew(first), [])
})

it('remembers lines of the last minutes alone', () => {
  const takeNew = makeRepeatFilter()
  takeNew([line(0, 'a'), line(1_000_000, 'b')])
  assert.deepEqual(takeNew([line(1_000_000, 'b'), line(0, 'a')]), [line(0, 'a')])
})

it('tells lines apart that have a number, because nothing tells when they were written', () => {
  const takeNew = makeRepeatFilter()
  const numbered = (number: number) => ({ ...line(1, 'a'), line: number })
  takeNew([numbered(1), numbered(2)])
  assert.deepEqual(takeNew([numbered(2), numbered(3)]), [numbered(3)])
})
