import assert from 'node:assert/strict'
import { it } from 'node:test'
import { readMovingTasks } from '../../src/control/moving-tasks.ts'
import { keys } from '../../src/core/keys.ts'
import type { TaskRun } from '../../src/core/records/task-run.ts'
import { foundTask, stepwise } from '../support/stepwise.ts'

const LEAVES = 2_990

it('a look at a run leaves out blocks of tasks that have all ended before, and counts them', async () => {
  const { context, openPlan, run: read, clock } = stepwise()
  const names = Array.from({ length: LEAVES }, (_, index) => `leaf${index}`)
  const id = await openPlan('p', [
    foundTask('root', {}, { upstreams: names }),
    ...names.map((name) => foundTask(name)),
  ])
  const { store } = context.ports
  let listed = 0
  const counting = {
    ...store,
    list: async (query: Parameters<typeof store.list>[0]) => {
      const found = await store.list(query)
      listed += found.length
      return found
    },
  } as typeof store
  const home = { context: { ...context, ports: { ...context.ports, store: counting } } }
  const look = async (since: number) => {
    listed = 0
    const { tasks, counts } = await readMovingTasks(home, await read(id), since)
    return { tasks: new Set(tasks.map(({ number }) => number)), counts, listed }
  }
  const end = async (from: number, to: number) => {
    const writes = Array.from({ length: to - from }, (_, index) => ({
      key: keys.taskRun(id, from + index),
      set: { status: 'succeeded', endedAt: clock.now() } satisfies Partial<TaskRun>,
      if: {},
    }))
    await store.write(writes)
  }
  const all = (await read(id)).tasks ?? 0
  const first = await look(0)
  assert.deepEqual([first.tasks.size, first.listed >= all], [LEAVES + 1, true])

  await end(1_000, 2_000)
  const endedAt = clock.now()
  // It has ended since, so it is told, also in the next look of another follower.
  for (const _ of [1, 2]) {
    const told = await look(endedAt)
    assert.ok(told.tasks.has(1_500))
    assert.equal(told.counts.succeeded, 1_000)
  }
  clock.advance(1)
  await end(2_000, 2_001)
  const later = await look(endedAt + 1)
  assert.deepEqual([later.tasks.has(1_500), later.tasks.has(2_000), later.tasks.has(0)], [false, true, true])
  assert.equal(later.counts.succeeded, 1_001)
  assert.equal(
    Object.values(later.counts).reduce((sum, count) => sum + count, 0),
    LEAVES + 1,
  )
  assert.equal(later.listed, first.listed - 1_000)
})
