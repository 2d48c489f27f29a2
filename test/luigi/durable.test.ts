import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import type { LuigiScheduler } from '../../src/luigi/luigi-scheduler.ts'
import { temporaryFolder } from '../support/folders.ts'
import { callMethod, openScheduler } from './served.ts'

const statuses = (scheduler: LuigiScheduler, now = 1_000) =>
  Object.fromEntries(
    [...callMethod(scheduler, 'task_list', {}, now)].map(([id, view]: [string, { status: string }]) => [
      id,
      view.status,
    ]),
  )

describe('the state of a Luigi scheduler', () => {
  it('is shared by two schedulers: what one has answered the other knows', (test) => {
    const path = join(temporaryFolder(test), 'luigid.db')
    const [one, other] = [openScheduler(path), openScheduler(path)]
    callMethod(one, 'add_task', { worker: 'w', task_id: 'A' })
    callMethod(one, 'add_task', { worker: 'w', task_id: 'B' })
    assert.equal(callMethod(other, 'get_work', { worker: 'w' }).task_id, 'A')
    assert.equal(callMethod(one, 'get_work', { worker: 'w' }).task_id, 'B')
    assert.equal(callMethod(other, 'get_work', { worker: 'w' }).task_id, null)
    one.close()
    other.close()
  })

  it('is not changed by a call that fails half way, and the next call goes on', (test) => {
    const path = join(temporaryFolder(test), 'luigid.db')
    const scheduler = openScheduler(path)
    callMethod(scheduler, 'add_task', { worker: 'w', task_id: 'A' })
    const sql = new DatabaseSync(path)
    sql.exec("CREATE TRIGGER full BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'no more'); END")
    assert.throws(() => callMethod(scheduler, 'get_work', { worker: 'w' }), /no more/)
    assert.deepEqual(statuses(scheduler), { A: 'PENDING' })
    sql.exec('DROP TRIGGER full')
    sql.close()
    assert.equal(callMethod(scheduler, 'get_work', { worker: 'w' }).task_id, 'A')
    scheduler.close()
  })

  it('forgets a worker in all its tasks without writing them, also if another one gets its place', (test) => {
    const path = join(temporaryFolder(test), 'luigid.db')
    let scheduler = openScheduler(path)
    for (const task_id of ['A', 'B']) callMethod(scheduler, 'add_task', { worker: 'gone', task_id })
    callMethod(scheduler, 'add_task', { worker: 'w', task_id: 'A' }, 1_011)
    callMethod(scheduler, 'prune', {}, 1_011)
    scheduler.close()
    scheduler = openScheduler(path)
    callMethod(scheduler, 'ping', { worker: 'gone' }, 1_011)
    const tasks = callMethod(scheduler, 'task_list', {}, 1_011)
    assert.deepEqual([tasks.get('A').workers, tasks.get('B').workers], [['w'], []])
    assert.equal(callMethod(scheduler, 'get_work', { worker: 'gone' }, 1_011).task_id, null)
    scheduler.close()
  })

  it('does not take the absence of the scheduler for the silence of its workers', (test) => {
    const path = join(temporaryFolder(test), 'luigid.db')
    let scheduler = openScheduler(path, { config: { prune_on_get_work: true } })
    callMethod(scheduler, 'ping', { worker: 'dead' }, 980)
    callMethod(scheduler, 'add_task', { worker: 'w', task_id: 'A' })
    assert.equal(callMethod(scheduler, 'get_work', { worker: 'w' }).task_id, 'A')
    scheduler.close()
    scheduler = openScheduler(path, { config: { prune_on_get_work: true } })
    scheduler.forgiveAbsence(5_000)
    assert.deepEqual(statuses(scheduler, 5_009), { A: 'RUNNING' })
    const [worker, ...others] = callMethod(scheduler, 'worker_list', {}, 5_009)
    assert.deepEqual([worker.name, others], ['w', []], 'one that was silent before is not waited for')
    assert.deepEqual(statuses(scheduler, 5_011), { A: 'FAILED' })
    scheduler.close()
  })

  it('keeps totals of resources that were set while it ran, unless the config names them', (test) => {
    const path = join(temporaryFolder(test), 'luigid.db')
    let scheduler = openScheduler(path, { resources: { a: 1, b: 1 } })
    callMethod(scheduler, 'update_resources', { b: 5, c: 7 })
    scheduler.close()
    scheduler = openScheduler(path, { resources: { a: 2, b: 1 } })
    const totals = callMethod(scheduler, 'resource_list', {}).map(
      (each: { name: string; num_total: number }) => [each.name, each.num_total],
    )
    assert.deepEqual(Object.fromEntries(totals), { a: 2, b: 1, c: 7 })
    scheduler.close()
  })

  it('may be a chain of 20,000 tasks: nothing recurses', (test) => {
    const scheduler = openScheduler(join(temporaryFolder(test), 'luigid.db'))
    const LENGTH = 20_000
    const add = (n: number, more: object = {}) =>
      callMethod(scheduler, 'add_task', { worker: 'w', task_id: `T${n}`, family: 'T', ...more })
    add(0, { status: 'FAILED' })
    for (let n = 1; n <= LENGTH; n++) add(n, { deps: [`T${n - 1}`] })
    const failed = { status: 'PENDING', upstream_status: 'UPSTREAM_FAILED' }
    assert.equal(callMethod(scheduler, 'task_list', failed).size, LENGTH)
    assert.equal(callMethod(scheduler, 'dep_graph', { task_id: `T${LENGTH}` }).size, LENGTH + 1)
    add(LENGTH, { priority: 3 })
    assert.equal(callMethod(scheduler, 'task_list', {}).get('T0').priority, 3)
    add(0, { status: 'DISABLED' })
    assert.equal(callMethod(scheduler, 'count_pending', { worker: 'w' }).n_pending_tasks, 0)
    scheduler.close()
  })
})
