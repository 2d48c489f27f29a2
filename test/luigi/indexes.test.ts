import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { addTask, type TaskReport } from '../../src/luigi/scheduler/add-task.ts'
import { chooseTask } from '../../src/luigi/scheduler/choose-task.ts'
import { LUIGI_DEFAULTS } from '../../src/luigi/scheduler/config.ts'
import { getWork } from '../../src/luigi/scheduler/get-work.ts'
import { changeStatus } from '../../src/luigi/scheduler/operate.ts'
import { pruneState } from '../../src/luigi/scheduler/prune.ts'
import { RankedList } from '../../src/luigi/scheduler/ranked-list.ts'
import { SchedulerState } from '../../src/luigi/scheduler/state.ts'
import { type Resources, TASK_STATUSES } from '../../src/luigi/scheduler/task.ts'
import { seeded } from '../simulation/scheduler.ts'
import { countByScan, ScanningChooser } from './scan.ts'

const SEEDS = 150
const CALLS = 120

/** The rules of time hold for no task that they were not applied to. */
function assertNothingIsDue(state: SchedulerState, now: number): void {
  for (const task of state.tasks()) {
    if (task.status === 'FAILED') assert.ok(task.retryAt === null || task.retryAt >= now, task.id)
    if (task.disabledAt !== null && task.status === 'DISABLED')
      assert.ok(now - task.disabledAt <= state.config.disable_persist, task.id)
    assert.ok(task.removeAt === null || task.removeAt > now, task.id)
    if (task.stakeholders.size === 0 && task.status !== 'RUNNING')
      assert.notEqual(task.removeAt, null, task.id)
  }
}

/** A state and calls that a seed makes. */
function makeSeed(seed: number) {
  const random = seeded(seed)
  const pick = <T>(...values: T[]): T => values[Math.floor(random() * values.length)] as T
  const state = new SchedulerState({
    ...LUIGI_DEFAULTS,
    retry_delay: pick(2, 50),
    remove_delay: 20,
    worker_disconnect_delay: 10,
    retry_count: pick(2, 1_000),
    disable_persist: 15,
    stable_done_cooldown_secs: 0,
  })
  state.updateSettings({ resources: { r: pick(1, 2, 3), q: 2 } })
  const workers = ['a', 'b', 'c', 'd'].slice(0, pick(1, 2, 4))
  const ids = Array.from({ length: pick(4, 12, 25) }, (_, n) => String(n))
  const report = (): TaskReport => {
    const taskId = pick(...ids)
    return {
      taskId,
      worker: pick(...workers),
      status: pick('PENDING', 'PENDING', 'PENDING', 'PENDING', 'DONE', 'FAILED', 'DISABLED'),
      runnable: random() < 0.9,
      assistant: random() < 0.1,
      priority: pick(0, 0, 1, 2),
      family: 'F',
      module: null,
      params: {},
      visibilities: {},
      // Also of itself: the graph need not be one without cycles.
      deps: pick<string[] | null>(null, [], [pick(...ids)], [pick(...ids), pick(...ids)]),
      newDeps: null,
      explanation: null,
      resources: pick<Resources>({}, {}, { r: 1 }, { r: 2 }, { q: 1, r: 1 }, { other: 1 }),
      trackingUrl: null,
      acceptsMessages: null,
      batchable: false,
      batchId: null,
      policy: {},
    }
  }
  return { random, pick, state, workers, ids, report }
}

/** One call of a kind that a seed picks. */
function callAtRandom(
  { random, pick, state, workers, ids, report }: ReturnType<typeof makeSeed>,
  now: number,
): void {
  const kind = random()
  if (kind < 0.75) addTask(state, report(), now)
  else if (kind < 0.85)
    changeStatus(state, pick(...ids), { from: TASK_STATUSES, to: pick('DONE', 'PENDING') }, now)
  else if (kind < 0.93) {
    const worker = state.mentionWorker(pick(...workers), now)
    state.updateWorker(worker, { info: { ...worker.info, workers: pick(1, 3) } })
  } else {
    pruneState(state, now)
    assertNothingIsDue(state, now)
  }
}

/** Makes the calls of a seed, and compares after each. Returns how many tasks were handed out. */
function playSeed(number: number): number {
  const seed = makeSeed(number)
  const { random, pick, state, workers } = seed
  let now = 1_000
  let chosen = 0
  for (let n = 0; n < CALLS; n++) {
    const where = `seed ${number}, call ${n}`
    now += pick(0, 0, 0, 1, 5, 12)
    callAtRandom(seed, now)
    const worker = state.mentionWorker(pick(...workers), now)
    const assistant = random() < 0.2
    const info = assistant ? { ...worker.info, assistant } : worker.info
    state.updateWorker(worker, { lastGetWork: now, lastActive: now, info })
    const expected = new ScanningChooser(state, worker, assistant, now).choose()
    assert.equal(chooseTask(state, worker, assistant, now)?.id, expected?.id, where)
    for (const id of workers) {
      const { pending, unique, lastScheduled } = state.countPending(id)
      assert.deepEqual({ pending, unique, lastScheduled }, countByScan(state, id), where)
    }
    if (expected === undefined || random() < 0.5) continue
    chosen++
    getWork(state, { worker: worker.id, assistant, currentTasks: null }, now)
    assert.equal(state.task(expected.id)?.workerRunning, worker.id, where)
  }
  return chosen
}

describe('the indexes of the Luigi scheduler', () => {
  it(`choose and count as if all tasks were looked at, in ${SEEDS} random states`, () => {
    let chosen = 0
    for (let seed = 1; seed <= SEEDS; seed++) chosen += playSeed(seed)
    assert.ok(chosen > SEEDS * 10, `${chosen} tasks were handed out`)
  })

  it('keep a list in order, whatever is added and removed', () => {
    const random = seeded(3)
    const list = new RankedList<number>((a, b) => a - b)
    const kept = new Set<number>()
    for (let n = 0; n < 20_000; n++) {
      const item = Math.floor(random() * 5_000)
      if (kept.has(item)) list.remove(item)
      else list.add(item)
      if (!kept.delete(item)) kept.add(item)
      list.remove(5_001)
    }
    const sorted = [...kept].sort((a, b) => a - b)
    assert.deepEqual([...list.from()], sorted)
    assert.equal(list.first(), sorted[0])
    for (const item of [0, 2_500, 4_999, 6_000])
      assert.deepEqual(
        [...list.from(item)],
        sorted.filter((each) => each >= item),
      )
    for (const item of sorted) list.remove(item)
    assert.deepEqual([list.isEmpty, list.first()], [true, undefined])
  })
})
