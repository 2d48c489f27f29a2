import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Control } from '../../src/control/control.ts'
import { makeScheduledRequest } from '../../src/control/requests.ts'
import { makeActor } from '../../src/core/records/actor.ts'
import { cancelTasks } from '../../src/engine/cancel-tasks.ts'
import { foundTask, stepwise } from '../support/stepwise.ts'
import { openState } from './open-state.ts'
import { PIPELINES } from './pipelines.ts'

const ADA = { kind: 'user', name: 'ada' }
const BOB = { kind: 'user', name: 'bob' }
const params = { name: 'actors' }

async function startRun(control: Control, name: string): Promise<string> {
  const started = await control.start({ name, params })
  assert.ok('run' in started)
  return started.run
}

describe('who acted', () => {
  it('is kept with runs: who started one, not who joined it, and who cancelled it', async (test) => {
    const { home, control } = openState(test, PIPELINES)
    test.after(() => home.close())
    const [ada, bob] = [control(false), control(false, 'bob')]
    const run = await startRun(ada, 'control-import')
    assert.equal(await startRun(bob, 'control-import'), run)
    const open = await ada.run({ run })
    assert.deepEqual([open.startedBy, open.cancelledAt, open.cancelledBy], [ADA, null, null])
    await bob.cancel({ run })
    const ended = (await ada.runs({})).runs[0]
    assert.deepEqual([ended?.startedBy, ended?.cancelledBy], [ADA, BOB])
    assert.ok(ended?.cancelledAt)
    const again = await bob.retry({ run })
    assert.ok('run' in again)
    assert.deepEqual((await ada.run({ run: again.run })).startedBy, BOB)
  })

  it('is kept with tasks that were marked or cancelled alone', async (test) => {
    const { home, control } = openState(test, PIPELINES)
    test.after(() => home.close())
    const ada = control(false)
    const run = await startRun(ada, 'control-import')
    for await (const _ of ada.follow({ runs: [run], waitMs: 500 }));
    await control(false, 'bob').mark({ run, task: 'ControlDelivery' })
    const [marked] = (await ada.tasks({ run, task: 'ControlDelivery' })).tasks
    assert.deepEqual([marked?.markedBy, marked?.markedAt, marked?.cancelledBy], [BOB, marked?.endedAt, null])
    await ada.cancelSelected({ run, where: 'family=ControlImport' })
    const [cancelled] = (await ada.tasks({ run, task: 'ControlImport' })).tasks
    assert.deepEqual([cancelled?.cancelledBy, cancelled?.markedBy], [ADA, null])
  })

  it('stays the first one where a second one cancels the same', async () => {
    const { context, openPlan, task, settle } = stepwise()
    const run = await openPlan('p', [foundTask('root', {}, { upstreams: ['a'] }), foundTask('a')])
    await cancelTasks(context, run, [0], makeActor('user', 'ada'))
    await cancelTasks(context, run, [0, 1], makeActor('user', 'bob'))
    await settle()
    assert.deepEqual((await task(run, 0)).cancelledBy, ADA)
    assert.deepEqual((await task(run, 1)).cancelledBy, BOB)
  })

  it('is the schedule of a pipeline for what the schedule starts', () => {
    const days = PIPELINES.find(({ name }) => name === 'control-days')
    assert.ok(days)
    const [start, end] = [Date.parse('2026-01-01'), Date.parse('2026-01-02')]
    const { by } = makeScheduledRequest(
      { ...days, params: ({ date }) => ({ ...params, date }) },
      { start, end, failures: 0 },
    ).request
    assert.deepEqual(by, { kind: 'schedule', name: 'control-days' })
  })

  it('has a name that cannot make a record large', () => {
    assert.equal(makeActor('identity', 'x'.repeat(2_000)).name.length, 200)
  })
})
