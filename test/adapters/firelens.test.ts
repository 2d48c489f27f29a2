import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { encode } from '@msgpack/msgpack'
import { listenForLines } from '../../src/adapters/firelens/lines.ts'
import { temporaryFolder } from '../support/folders.ts'

/** Sends bytes as the log driver does, in these pieces, and returns what has come. */
async function send(test: TestContext, pieces: Uint8Array[]): Promise<[string, string][]> {
  const path = join(temporaryFolder(test), 'fluent.sock')
  const taken: [string, string][] = []
  const lines = await listenForLines(path, (from, text) => taken.push([from, text]))
  const socket = connect(path)
  for (const piece of pieces) await new Promise((resolve) => socket.write(piece, resolve))
  await new Promise<void>((resolve) => socket.end(resolve))
  await lines.close()
  return taken
}

const record = (log: string, more: object = {}) =>
  encode([
    'program-firelens-1',
    1_700_000_000,
    { container_id: 'c', container_name: '/p', source: 'stdout', log, ...more },
  ])

describe('lines by FireLens', () => {
  it('come with the stream that they were printed on', async (test) => {
    const taken = await send(test, [record('one'), record('two', { source: 'stderr' })])
    assert.deepEqual(taken, [
      ['stdout', 'one\n'],
      ['stderr', 'two\n'],
    ])
  })

  it('that are long come in parts, and are one line', async (test) => {
    const part = (log: string, last: string) => record(log, { partial_message: 'true', partial_last: last })
    const taken = await send(test, [part('a', 'false'), part('b', 'true'), record('c')])
    assert.equal(taken.map(([, text]) => text).join(''), 'ab\nc\n')
  })

  it('may be cut anywhere on their way', async (test) => {
    const bytes = Buffer.concat([record('first'), record('second')])
    const taken = await send(test, [bytes.subarray(0, 7), bytes.subarray(7, 60), bytes.subarray(60)])
    assert.deepEqual(
      taken.map(([, text]) => text),
      ['first\n', 'second\n'],
    )
  })

  it('may come several with one tag, and what is no record is left out', async (test) => {
    const entries = encode([
      'tag',
      [
        [1, { source: 'stderr', log: 'x' }],
        [2, { source: 'stdout', log: 'y' }],
      ],
      { size: 2 },
    ])
    const taken = await send(test, [encode(['tag', 1, { other: true }]), encode(7), entries])
    assert.deepEqual(taken, [
      ['stderr', 'x\n'],
      ['stdout', 'y\n'],
    ])
  })
})
