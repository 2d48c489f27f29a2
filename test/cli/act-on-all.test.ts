import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { actOnAll } from '../../src/cli/commands/act-on-all.ts'
import type { TasksActed } from '../../src/control/control.ts'
import { SluiceError } from '../../src/core/errors.ts'

const nothing = () => new SluiceError('invalid_usage', 'None of the 1 selected tasks can be cancelled now')

/** Answers one after the other; an error is thrown. */
function sending(...answers: (Omit<TasksActed, 'run'> | Error)[]): () => Promise<TasksActed> {
  return async () => {
    const next = answers.shift()
    if (next === undefined) throw new Error('it was asked too often')
    if (next instanceof Error) throw next
    return { run: 'r-1', ...next }
  }
}

const noneIsLeft = async () => 0

describe('an act on many tasks', () => {
  it('goes on until none is left, and adds up', async () => {
    const send = sending({ affected: 2, left: 3 }, { affected: 2, left: 1 }, { affected: 1, left: 0 })
    assert.deepEqual(await actOnAll(send, noneIsLeft), { run: 'r-1', affected: 5, left: 0 })
  })

  it('tells what it has done if the rest has changed by itself meanwhile', async () => {
    const send = sending({ affected: 2, left: 1 }, nothing())
    assert.deepEqual(await actOnAll(send, noneIsLeft), { run: 'r-1', affected: 2, left: 0 })
    const more = sending({ affected: 2, left: 1 }, nothing())
    assert.deepEqual(await actOnAll(more, async () => 4), { run: 'r-1', affected: 2, left: 4 })
  })

  it('fails if it has done nothing, and for every other error', async () => {
    await assert.rejects(actOnAll(sending(nothing()), noneIsLeft), /None of the 1/)
    await assert.rejects(actOnAll(sending({ affected: 0, left: 1 }, nothing()), noneIsLeft), /None of the 1/)
    const lost = new SluiceError('deployment_unreachable', 'no answer')
    await assert.rejects(actOnAll(sending({ affected: 1, left: 1 }, lost), noneIsLeft), /no answer/)
  })
})
