import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { explainWaitingTask } from '../../src/engine/why.ts'
import { Worker } from '../../src/engine/work.ts'
import { foundTask, stepwise } from '../support/stepwise.ts'

/** An engine with a worker whose process defines these families alone. */
function defining(test: TestContext, ...families: string[]) {
  const engine = stepwise()
  const ran: string[] = []
  const told: string[] = []
  const { ports } = engine.context
  ports.runner = {
    ...ports.runner,
    defines: ({ family }) => families.includes(family),
    run: async ({ task }) => {
      ran.push(task.label)
      return { outcome: 'succeeded' }
    },
  }
  const clock = { ...ports.clock, listen: () => () => turn() }
  const context = { ...engine.context, ports: { ...ports, clock } }
  const worker = new Worker(context, { concurrency: 2, onUnfit: (_, family) => told.push(family) })
  test.after(() => worker.stop())
  void worker.run()
  /** Lets the worker have many looks. */
  const work = async () => {
    for (let looks = 0; looks < 50; looks++) {
      await turn()
      await engine.settle()
    }
  }
  return { ...engine, worker, work, ran, told, families }
}

describe('a worker', () => {
  it('takes only what its process defines, uses up nothing of the rest, and does not take that again', async (test) => {
    const engine = defining(test, 'A', 'ALL')
    const tasks = ['b1', 'b2', 'a'].map((id) => foundTask(id, {}, { family: id.slice(0, 1).toUpperCase() }))
    const all = { ...foundTask('all'), upstreams: ['b1', 'b2', 'a'] }
    const run = await engine.openPlan('p', [all, ...tasks])
    for (let rounds = 0; rounds < 5; rounds++) {
      engine.clock.advance(60_000)
      await engine.work()
    }
    assert.deepEqual(engine.ran, ['A'])
    assert.deepEqual(engine.told, ['B'])
    const left = await engine.task(run, 1)
    assert.deepEqual([left.status, left.attempt, left.counts], ['queued', 1, undefined])
    const [reason] = await explainWaitingTask(engine.context, await engine.run(run), left)
    assert.match(reason?.text ?? '', /this config does not define B/)
    // Definitions were read anew.
    engine.families.push('B')
    engine.worker.redefined()
    await engine.work()
    assert.deepEqual(engine.ran.sort(), ['A', 'ALL', 'B1', 'B2'])
    assert.equal((await engine.run(run)).status, 'succeeded')
  })

  it('leaves a task whose upstream it does not define', async (test) => {
    const engine = defining(test, 'TOP')
    const top = foundTask('top', {}, { family: 'TOP', upstreams: ['low'], requires: 'low' as never })
    const run = await engine.openPlan('p', [top, foundTask('low', {}, { family: 'LOW', complete: true })])
    await engine.work()
    assert.deepEqual([engine.ran, engine.told], [[], ['LOW']])
    assert.equal((await engine.task(run)).status, 'queued')
  })
})
