import assert from 'node:assert/strict'
import { it } from 'node:test'
import { makeMemoryRecords } from '../../src/adapters/memory/records.ts'
import { keys } from '../../src/core/keys.ts'
import { findMakerConflicts, type Making, recordTargetMakers } from '../../src/engine/makers.ts'
import { findUnprovenTasks } from '../../src/engine/proof.ts'

const making = (taskId: string, uri = 'file:///same'): Making => ({
  uri,
  task: { id: taskId, family: taskId.toUpperCase(), params: {}, label: taskId.toUpperCase() },
})
const always = () => true

it('of two planners that want one target at the same moment for different tasks one is refused', async () => {
  const { store } = makeMemoryRecords()
  const both = await Promise.all(['a', 'b'].map((id) => recordTargetMakers(store, [making(id)], always)))
  assert.deepEqual(both.map((conflicts) => conflicts.length).sort(), [0, 1])
})

it('looking for conflicts writes nothing, and the same task is none', async () => {
  const { store, records } = makeMemoryRecords()
  assert.deepEqual(await findMakerConflicts(store, [making('a')], always), [])
  assert.equal(records.size, 0)
  await recordTargetMakers(store, [making('a')], always)
  assert.deepEqual(await findMakerConflicts(store, [making('a')], always), [])
  const [conflict] = await findMakerConflicts(store, [making('b')], always)
  assert.deepEqual([conflict?.maker.family, conflict?.making.task.label], ['A', 'B'])
})

it('who takes a target over does not believe what its maker before has left there', async () => {
  const { store } = makeMemoryRecords()
  await recordTargetMakers(store, [making('a')], always)
  await store.write([{ key: keys.lock('a'), set: { kind: 'lock', taskId: 'a', unproven: true } }])
  const b = { id: 'b', outputs: ['file:///same'] }
  assert.deepEqual([...(await findUnprovenTasks(store, [b]))], ['b'])
  assert.deepEqual(await recordTargetMakers(store, [making('b')], () => false), [])
  assert.deepEqual([...(await findUnprovenTasks(store, [b]))], ['b'])
})
