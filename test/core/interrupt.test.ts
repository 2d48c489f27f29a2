import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Interrupt } from '../../src/core/interrupt.ts'

const never = () => new Promise<void>(() => {})

describe('an interrupt', () => {
  it('ends waits early, and those that come after it', async () => {
    const interrupt = new Interrupt()
    const waits = [interrupt.wait(never()), interrupt.wait(never())]
    interrupt.end()
    await Promise.all([...waits, interrupt.wait(never())])
  })

  it('fails waits early, and those that come after it', async () => {
    const interrupt = new Interrupt()
    const wait = interrupt.wait(never())
    interrupt.fail(new Error('the disk is full'))
    interrupt.end()
    await assert.rejects(wait, /the disk is full/)
    await assert.rejects(interrupt.wait(never()), /the disk is full/)
  })

  it('lets a wait end as its promise does', async () => {
    const interrupt = new Interrupt()
    await interrupt.wait(Promise.resolve())
    await assert.rejects(interrupt.wait(Promise.reject(new Error('unreadable'))), /unreadable/)
  })

  it('keeps nothing of a wait that is over', async () => {
    const interrupt = new Interrupt()
    const waited: WeakRef<object>[] = []
    for (let count = 0; count < 1_000; count++) {
      const wait = interrupt.wait(Promise.resolve())
      waited.push(new WeakRef(wait))
      await wait
    }
    setFlagsFromString('--expose-gc')
    // What a WeakRef was made for is kept until the end of the turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve))
    runInNewContext('gc')()
    const left = waited.filter((ref) => ref.deref() !== undefined).length
    assert.ok(left < 10, `${left} of 1,000 waits are still there`)
    await interrupt.wait(Promise.resolve())
  })
})
