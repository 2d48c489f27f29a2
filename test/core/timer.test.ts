import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startLongTimer } from '../../src/core/timer.ts'

it('a timer of months waits; one of a moment calls back; one that was cancelled does not', async () => {
  let early = 0
  const months = [25, 50, 400].map((days) => startLongTimer(days * 24 * 60 * 60_000, () => early++))
  const cancelled = startLongTimer(1, () => early++)
  cancelled.cancel()
  await new Promise<void>((resolve) => void startLongTimer(5, resolve))
  await sleep(20)
  for (const timer of months) timer.cancel()
  assert.equal(early, 0)
})
