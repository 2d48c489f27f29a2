import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pruneRunsBefore } from '../../src/control/prune.ts'
import type { Change } from '../../src/core/change.ts'
import { keys } from '../../src/core/keys.ts'
import { claimAttempt } from '../../src/engine/claim.ts'
import type { Context } from '../../src/engine/context.ts'
import { recordTargetMakers } from '../../src/engine/makers.ts'
import { explainWaitingTask } from '../../src/engine/why.ts'
import { FAILED, foundTask, ours, racing, stepwise } from '../support/stepwise.ts'

const SAME = 'file:///same'
const givesWay = () => false
/** Plans a run of one task that makes the same target as the others, as `sluice run` does. */
const openMaker = async ({ context, openPlan }: ReturnType<typeof stepwise>, id: string, uri = SAME) => {
  await noteMaker(context, id, uri)
  return openPlan(id, [
    foundTask(id, { retry: { attempts: 2, delayMs: 0, backoff: 'fixed' } }, { outputs: [uri] }),
  ])
}
const noteMaker = ({ ports }: Context, id: string, uri = SAME) =>
  recordTargetMakers(ports.store, [{ uri, task: { id, family: id, params: {}, label: id } }], givesWay)

describe('a target that is handed over to another task while a run of its old maker is open', () => {
  it('is not made by its old maker any more, whose run ends with the reason', async () => {
    const engine = stepwise()
    const [older, newer] = [await openMaker(engine, 'a'), await openMaker(engine, 'b')]
    assert.equal((await engine.take(older)).is, 'settled')
    await engine.settle()
    assert.equal((await engine.run(older)).status, 'failed')
    assert.match((await engine.task(older)).failure?.message ?? '', /another task makes file:\/\/\/same now/)
    assert.equal((await engine.take(newer)).is, 'ours')
  })

  it('is made by the new maker when the attempt of the old one has ended, which is not tried again', async () => {
    const engine = stepwise()
    const older = await openMaker(engine, 'a')
    const claimed = await ours(await engine.take(older))
    const newer = await openMaker(engine, 'b')
    assert.equal((await engine.take(newer)).is, 'early')
    const [reason] = await explainWaitingTask(
      engine.context,
      await engine.run(newer),
      await engine.task(newer),
    )
    assert.match(reason?.text ?? '', /made its target before still runs: a-.*\/0\/1/)
    await engine.end(claimed, FAILED)
    const second = await ours(await engine.take(newer))
    assert.equal(second.replaces, true, 'what the old maker left proves nothing')
    assert.equal((await engine.take(older, 2)).is, 'settled')
    assert.equal((await engine.task(older)).status, 'failed')
    await engine.end(second, { outcome: 'succeeded' })
    assert.equal((await engine.run(newer)).status, 'succeeded')
  })

  it('is not made by an old maker that was being claimed at that moment', async () => {
    const engine = stepwise()
    const older = await openMaker(engine, 'a')
    let isDone = false
    const slow = racing(engine.context, async (changes: readonly Change[]) => {
      if (isDone || !changes.some(({ key }) => key === keys.lock('a'))) return
      isDone = true
      await noteMaker(engine.context, 'b')
    })
    assert.equal((await claimAttempt(slow, { run: older, number: 0, attempt: 1 })).is, 'settled')
    assert.equal((await engine.task(older)).status, 'failed')
  })

  it('waits for the attempt of every maker before, also where the last one never ran', async () => {
    const engine = stepwise()
    const claimed = await ours(await engine.take(await openMaker(engine, 'a')))
    await openMaker(engine, 'b')
    const third = await openMaker(engine, 'c')
    assert.equal((await engine.take(third)).is, 'early')
    await engine.end(claimed, FAILED)
    assert.equal((await engine.take(third)).is, 'ours')
  })

  it('can be handed back', async () => {
    const engine = stepwise()
    await openMaker(engine, 'a')
    const second = await openMaker(engine, 'b')
    await noteMaker(engine.context, 'a')
    assert.equal((await engine.take(second)).is, 'settled')
    assert.equal((await engine.task(second)).status, 'failed')
    const [lock] = await engine.context.ports.store.read([keys.lock('a')])
    assert.deepEqual([lock?.lost, lock?.after], [undefined, 'b'])
  })

  it('leaves its old maker the other targets that it makes now', async () => {
    const engine = stepwise()
    await noteMaker(engine.context, 'a')
    await noteMaker(engine.context, 'b')
    const moved = await openMaker(engine, 'a', 'file:///elsewhere')
    assert.equal((await engine.take(moved)).is, 'ours')
  })

  it('is remembered when runs are forgotten', async () => {
    const engine = stepwise()
    const older = await openMaker(engine, 'a')
    await noteMaker(engine.context, 'b')
    engine.clock.advance(10 * 24 * 3_600_000)
    await pruneRunsBefore(
      { context: engine.context, logs: { remove: async () => {} } } as never,
      engine.clock.now(),
    )
    assert.equal((await engine.take(older)).is, 'settled')
  })
})
