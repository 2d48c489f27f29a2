import assert from 'node:assert/strict'
import { it } from 'node:test'
import { makeMemoryRecords } from '../../src/adapters/memory/records.ts'
import type { Change } from '../../src/core/change.ts'
import { keys } from '../../src/core/keys.ts'
import type { Lock } from '../../src/core/records/lock-and-limit.ts'
import type { Run } from '../../src/core/records/run.ts'

// Each line below an @ts-expect-error compiles only if the type checker refuses it: `npm run check` is the test.

const lock: Lock = { kind: 'lock', taskId: 'a' }

/** What the types of changes refuse. */
export const REFUSED: Change[] = [
  // @ts-expect-error a field that no record has, in `set`
  { key: keys.run('r'), set: { stauts: 'failed' } },
  // @ts-expect-error a field of another record, in `set`
  { key: keys.run('r'), set: { holder: 'x' } },
  // @ts-expect-error a value that the field does not take
  { key: keys.run('r'), set: { status: 'queued' } },
  // @ts-expect-error a mistyped field in the condition
  { key: keys.taskRun('r', 0), set: { status: 'queued' }, if: { stauts: 'running' } },
  // @ts-expect-error a field of another record in the condition
  { key: keys.taskRun('r', 0), remove: true, if: { holder: 'x' } },
  // @ts-expect-error another record than the one of the key
  { key: keys.run('r'), put: lock },
  // @ts-expect-error a key that begins like none
  { key: 'rnu/r', put: lock },
]

/** What they accept. */
export const ACCEPTED: Change[] = [
  { key: keys.run('r'), set: { status: 'failed', failure: undefined }, if: { version: 3 } },
  { key: keys.taskRun('r', 0), set: { status: 'queued' }, if: { status: 'running', nonce: undefined } },
  { key: keys.lock('a'), put: lock, if: 'absent' },
  { key: keys.wait(keys.lock('a'), 'r', 0), remove: true, if: { nonce: 'n' } },
]

it('a store returns for each key the record that its kind of key has', async () => {
  const { store } = makeMemoryRecords()
  await store.write([{ key: keys.lock('a'), put: lock }])
  const [found, run] = await store.read([keys.lock('a'), keys.run('r')])
  const holder: string | undefined = found?.holder
  const status: Run['status'] | undefined = run?.status
  // @ts-expect-error a lock has no status
  const wrong = found?.status
  const [listed] = await store.list({ prefix: keys.lock(''), consistency: 'strong' })
  const taskId: string | undefined = listed?.record.taskId
  assert.deepEqual([holder, status, wrong, taskId], [undefined, undefined, undefined, 'a'])
  assert.deepEqual([REFUSED.length, ACCEPTED.length], [7, 4])
})
