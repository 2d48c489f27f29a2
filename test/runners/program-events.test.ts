import assert from 'node:assert/strict'
import { appendFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { ProgramEvents } from '../../src/runners/program-events.ts'
import { temporaryFolder } from '../support/folders.ts'

function follow(test: TestContext, secrets: { [name: string]: string } = {}) {
  const path = join(temporaryFolder(test), 'events.jsonl')
  writeFileSync(path, '')
  const problems: string[] = []
  const events = new ProgramEvents(path, secrets, (text) => problems.push(text))
  return { path, events, problems, append: (content: string | Buffer) => appendFileSync(path, content) }
}

describe('what the program of a container says in its file of events', () => {
  it('is taken line by line, also where a line or a character comes in two pieces', (test) => {
    const { events, append, problems } = follow(test)
    const line = Buffer.from('{"progress":{"done":1,"text":"Zürich"}}\n')
    append(line.subarray(0, 31))
    assert.equal(events.read(), false)
    append(line.subarray(31))
    assert.equal(events.read(), true)
    append('{"spent":{"mag":2}}\n{"spent":{"mag":3}}\n{"result":[1]}')
    events.close()
    assert.deepEqual(events.told, {
      progress: { done: 1, text: 'Zürich' },
      spent: { mag: 5 },
      result: [1],
    })
    assert.deepEqual(problems, [])
  })

  it('is left out where it is wrong, with the number of the line, and not more often than five times', (test) => {
    const { events, append, problems } = follow(test)
    append('{"spent":{"mag":-1}}\n{"unknown":1}\n\n')
    append('nonsense\n'.repeat(10))
    events.close()
    assert.deepEqual(events.told, {})
    assert.equal(problems.length, 5)
    assert.match(problems[0] ?? '', /^line 1 of SLUICE_EVENTS was left out: /)
    assert.match(problems[2] ?? '', /^line 4 .* it is no JSON/)
  })

  it('keeps no checkpoint that holds a secret, or is too long, and keeps the one before', (test) => {
    const { events, append, problems } = follow(test, { KEY: 'open-sesame' })
    append('{"checkpoint":{"page":7}}\n{"checkpoint":"b3Blbi1zZXNhbWU="}\n')
    append(`{"checkpoint":"${'x'.repeat(17 * 1024)}"}\n`)
    events.close()
    assert.deepEqual(events.told.checkpoint, { page: 7 })
    assert.match(problems[0] ?? '', /line 2 .*the checkpoint holds the secret `KEY`/)
    assert.match(problems[1] ?? '', /line 3 .*the checkpoint has 17410 bytes; it holds up to 16384/)
  })

  it('does not come from another file through a link', (test) => {
    const { path, events } = follow(test)
    writeFileSync(`${path}.other`, '{"result":"of this machine"}\n')
    renameSync(path, `${path}.before`)
    symlinkSync(`${path}.other`, path)
    events.close()
    assert.deepEqual(events.told, {})
  })

  it('is read a bounded piece at a time, and has an end', (test) => {
    const { events, append, problems } = follow(test)
    const block = `${'{"progress":{"done":0}}'.padEnd(1023)}\n`.repeat(1024)
    for (let megabytes = 0; megabytes < 65; megabytes++) append(block)
    append('{"progress":{"done":9}}\n')
    events.read()
    assert.deepEqual(problems, [])
    events.close()
    assert.deepEqual(events.told.progress, { done: 0 })
    assert.match(problems.join(), /^SLUICE_EVENTS has more than 67108864 bytes; the rest was left out$/)
  })
})
