import assert from 'node:assert/strict'
import { it } from 'node:test'
import { makeMemoryRecords } from '../../src/adapters/memory/records.ts'
import type { Change } from '../../src/core/change.ts'
import type { Store } from '../../src/core/ports/deciding.ts'
import { type Making, recordTargetMakers } from '../../src/engine/makers.ts'
import { Scheduler } from './scheduler.ts'

const SEEDS = 300
const FAULTS = { crash: 0.03, freeze: 0.02, repeat: 0.2, delay: 0.1 }
const always = () => true

const making = (taskId: string, uri: string): Making => ({
  uri,
  task: { id: taskId, family: taskId, params: {}, label: taskId },
})

/** The store of one host, each call at its turn, some of them done twice or cut off. */
function storeOf(scheduler: Scheduler, host: string, store: Store, change: (each: Change) => Change): Store {
  return {
    ...store,
    read: (keys) => scheduler.effect(host, 'read', 'read', () => store.read(keys)),
    write: (changes) => scheduler.effect(host, 'write', 'write', () => store.write(changes.map(change))),
  }
}

/** Planners of different tasks that want some of three targets at once; the targets that two of them may make. */
async function contested(seed: number, change: (each: Change) => Change = (each) => each): Promise<string[]> {
  const scheduler = new Scheduler(seed, FAULTS)
  const { store } = makeMemoryRecords()
  const makers = new Map<string, Set<string>>()
  for (let number = 0; number < 5; number++) {
    const host = `h${number}`
    const taskId = `t${Math.floor(scheduler.random() * 3)}`
    const wanted = ['x', 'y', 'z'].filter(() => scheduler.random() < 0.6).map((uri) => making(taskId, uri))
    void recordTargetMakers(storeOf(scheduler, host, store, change), wanted, always).then((conflicts) => {
      if (conflicts.length > 0) return
      for (const { uri } of wanted) makers.set(uri, (makers.get(uri) ?? new Set()).add(taskId))
    })
  }
  while (await scheduler.step());
  return [...makers].filter(([, tasks]) => tasks.size > 1).map(([uri]) => uri)
}

it(`lets one task make a target, whatever planners want it at once, for ${SEEDS} seeds`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) assert.deepEqual(await contested(seed), [], `seed ${seed}`)
})

it('sees a maker that is written over another', async () => {
  for (let seed = 1; seed <= SEEDS; seed++)
    if ((await contested(seed, (each) => ({ ...each, if: undefined }) as unknown as Change)).length > 0)
      return
  assert.fail('no seed showed it')
})
