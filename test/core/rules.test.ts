import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { countSetBits, makeEmptyBitmap, setBitmapBits } from '../../src/core/bitmap.ts'
import { type FoundTask, findDependencyCycle, numberPlanTasks } from '../../src/core/graph.ts'
import { formatTaskLabel, makeRequestId, makeTaskId, toCanonicalJson } from '../../src/core/identity.ts'
import type { Json } from '../../src/core/json.ts'
import { makeSecretMask, maskAttemptFailure } from '../../src/core/mask.ts'
import type { Run } from '../../src/core/records/run.ts'
import { MAX_FAN_IN } from '../../src/core/records/task-run.ts'
import { computeRetryDelayMs, decideAfterAttempt, MAX_FREE_ATTEMPTS } from '../../src/core/retry.ts'
import { settleRunStatus, settleTaskRun } from '../../src/core/settle.ts'
import fc from '../support/fast-check.ts'
import { taskRun } from '../support/records.ts'

const RETRY = { attempts: 3, delayMs: 10_000, backoff: 'exponential' as const }
const POLICY = { retry: RETRY, fresh: 'run' as const, secrets: {} }

const found = (id: string, upstreams: string[] = [], more: Partial<FoundTask> = {}): FoundTask => ({
  id,
  family: id,
  params: {},
  label: id,
  upstreams,
  outputs: [],
  policy: { retry: RETRY, fresh: 'run', secrets: {} },
  ...more,
})

describe('identity', () => {
  it('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (fields) => {
        const turned = Object.fromEntries(Object.entries(fields).reverse())
        assert.equal(toCanonicalJson(turned as Json), toCanonicalJson(fields as Json))
        assert.deepEqual(JSON.parse(toCanonicalJson(fields as Json)), JSON.parse(JSON.stringify(fields)))
      }),
    )
  })

  it('tells families and parameters apart, and fits into 80 characters with a generation', () => {
    assert.notEqual(makeTaskId('A', { x: 1 }), makeTaskId('A', { x: '1' }))
    assert.notEqual(makeTaskId('A', {}), makeTaskId('B', {}))
    assert.ok(`${makeRequestId('p'.repeat(50), { x: 1 })}-999999`.length <= 80)
    assert.equal(formatTaskLabel('Fetch', { date: '2026-01-01', n: 3 }), 'Fetch(date=2026-01-01,n=3)')
    assert.equal(
      formatTaskLabel('Fetch', { x: 'a\u001b[2Jb\n' }),
      'Fetch(x=a\\u001b[2Jb\\u000a)',
      'nothing that steers a terminal',
    )
  })
})

describe('bitmaps', () => {
  it('hold exactly the bits that were set, however often', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(MAX_FAN_IN - 1)), (bits) => {
        const once = setBitmapBits(makeEmptyBitmap(MAX_FAN_IN), bits)
        assert.equal(countSetBits(once), new Set(bits).size)
        assert.equal(setBitmapBits(once, bits), once)
      }),
    )
  })
})

describe('settling', () => {
  const waiting = taskRun({
    status: 'pending',
    upstreams: 2,
    ended: makeEmptyBitmap(2),
    failed: makeEmptyBitmap(2),
  })
  const arrival = (bit: number, satisfied: boolean) => ({ bit, satisfied })

  it('queues a task when all upstreams are satisfied, in any order and batch', () => {
    const first = settleTaskRun(waiting, [arrival(1, true)], 0)
    assert.equal(first?.status, undefined)
    assert.equal(settleTaskRun({ ...waiting, ...first }, [arrival(0, true)], 0)?.status, 'queued')
    assert.equal(settleTaskRun(waiting, [arrival(0, true), arrival(1, true)], 0)?.status, 'queued')
  })

  it('fails a task only when all upstreams have ended', () => {
    const first = settleTaskRun(waiting, [arrival(0, false)], 0)
    assert.equal(first?.status, undefined)
    assert.equal(settleTaskRun({ ...waiting, ...first }, [arrival(1, true)], 0)?.status, 'upstream_failed')
  })

  it('finds no news in what was counted before', () => {
    const first = settleTaskRun(waiting, [arrival(0, true)], 0)
    assert.equal(settleTaskRun({ ...waiting, ...first }, [arrival(0, true)], 0), undefined)
  })
})

describe('a run', () => {
  const run: Run = {
    kind: 'run',
    id: 'r-1',
    request: 'r',
    name: 'r',
    family: 'R',
    params: {},
    status: 'running',
    createdAt: 0,
    plannedAt: 0,
    upstreams: 1,
    ended: makeEmptyBitmap(1),
    failed: makeEmptyBitmap(1),
  }

  it('ends with its root, but by its sweep while it is being cancelled', () => {
    const arrivals = [{ bit: 0, satisfied: true }]
    assert.equal(settleRunStatus(run, arrivals, 1)?.status, 'succeeded')
    assert.equal(settleRunStatus({ ...run, cancelledAt: 1 }, arrivals, 1)?.status, undefined)
  })
})

describe('retries', () => {
  const END = {
    policy: POLICY,
    memory: { hadMb: 100, largestMb: 100 },
    moment: { now: 0, steady: 0 },
    random: 0,
  }

  it('use up the policy only for failures of the task', () => {
    const failed = decideAfterAttempt(
      taskRun({ status: 'running', counts: { failed: 2 } }),
      { outcome: 'failed' },
      END,
    )
    assert.equal(failed.status, 'failed')
    const lost = decideAfterAttempt(
      taskRun({ status: 'running', counts: { failed: 2 } }),
      { outcome: 'lost' },
      END,
    )
    assert.deepEqual([lost.status, lost.attempt, lost.counts], ['queued', 2, { failed: 2, lost: 1 }])
    const worn = decideAfterAttempt(
      taskRun({ status: 'running', counts: { interrupted: MAX_FREE_ATTEMPTS - 1 } }),
      { outcome: 'interrupted' },
      END,
    )
    assert.equal(worn.status, 'failed')
  })

  it('are delayed exponentially with jitter, as long as no cap is declared', () => {
    assert.deepEqual(
      [1, 2, 3].map((failures) => computeRetryDelayMs(RETRY, failures, 1)),
      [10_000, 20_000, 40_000],
    )
    assert.equal(computeRetryDelayMs(RETRY, 1, 0), 5_000)
    const day = { ...RETRY, delayMs: 86_400_000 }
    assert.equal(computeRetryDelayMs(day, 1, 1), 86_400_000)
    assert.equal(computeRetryDelayMs(day, 3, 1), 4 * 86_400_000)
    assert.equal(computeRetryDelayMs({ ...RETRY, maxDelayMs: 3_600_000 }, 40, 1), 3_600_000)
    assert.ok(Number.isSafeInteger(Date.now() + computeRetryDelayMs(RETRY, 2_000, 1)))
    assert.equal(computeRetryDelayMs({ ...RETRY, backoff: 'fixed' }, 9, 0), 10_000)
  })
})

describe('plans', () => {
  it('number tasks, turn edges round, and end in the run itself', () => {
    const plan = numberPlanTasks('p', [found('root', ['a', 'b']), found('a', ['b']), found('b')], 0)
    assert.deepEqual(
      plan.tasks.map((task) => task.upstreams),
      [[1, 2], [2], []],
    )
    assert.deepEqual(
      plan.tasks.map((task) => task.dependents),
      [
        [[3, 0]],
        [[0, 0]],
        [
          [0, 1],
          [1, 0],
        ],
      ],
    )
    assert.deepEqual(plan.header.ready, [2])
  })

  it('gather a large fan-in through joins, so that no node has more than 1,000 upstreams', () => {
    const leaves = Array.from({ length: 2_500 }, (_, index) => found(`leaf${index}`))
    const plan = numberPlanTasks(
      'p',
      [
        found(
          'root',
          leaves.map((leaf) => leaf.id),
        ),
        ...leaves,
      ],
      0,
    )
    assert.equal(plan.tasks[0]?.upstreams.length, 3)
    const joins = plan.tasks.filter((task) => task.join)
    assert.deepEqual(
      joins.map((join) => join.upstreams.length),
      [1000, 1000, 500],
    )
    assert.ok(plan.tasks.every((task) => task.upstreams.length <= MAX_FAN_IN))
  })

  it('show a cycle, and none where there is none', () => {
    assert.deepEqual(
      findDependencyCycle([found('a', ['b']), found('b', ['c', 'd']), found('c', ['b']), found('d')]),
      ['b', 'c', 'b'],
    )
    assert.equal(findDependencyCycle([found('a', ['b', 'c']), found('b', ['c']), found('c')]), undefined)
  })
})

describe('masks', () => {
  it('hide secrets, also line by line, and short ones where they stand alone', () => {
    const mask = makeSecretMask(['open sesame', 'first\nsecond', 'ab'])
    assert.equal(mask('say open sesame, ab, second, cab'), 'say ***, ***, ***, cab')
    const long = {
      outcome: 'failed' as const,
      message: `${'x'.repeat(495)}open sesame`,
      stack: 'at open sesame',
    }
    const { message, stack } = maskAttemptFailure(long, mask)
    assert.deepEqual([message.slice(495), stack], ['***', 'at ***'], 'masked before it is cut')
  })
})
