import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, it, type TestContext } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { fileStorage } from '../../src/adapters/files/file-storage.ts'
import type { Staged } from '../../src/core/ports.ts'
import type { StorageTarget } from '../../src/define/targets/storage-target.ts'
import { file, json, jsonLines, text } from '../../src/index.ts'
import { temporaryFolder } from '../support/folders.ts'

function workspace(test: TestContext) {
  const folder = temporaryFolder(test)
  const staged = new Map<string, Staged>()
  const space = { storage: fileStorage(folder), writer: 'w', staged }
  return {
    folder,
    bind: <T extends StorageTarget>(target: T): T => target.in(space),
    publish: async () => {
      for (const each of staged.values()) await each.publish('replace')
      staged.clear()
    },
  }
}

describe('targets', () => {
  it('are absent until they are published, then whole', async (test) => {
    const { folder, bind, publish } = workspace(test)
    const target = bind(text('a/b.txt'))
    await target.write('hello')
    assert.equal(await target.exists(), false)
    assert.equal(await target.read(), 'hello')
    await publish()
    assert.equal(await target.exists(), true)
    assert.deepEqual(readdirSync(join(folder, 'a')), ['b.txt'])
    assert.match(target.uri, /^file:\/\/.*\/a\/b\.txt$/)
  })

  it('are gzipped by their name, as text, JSON, lines and bytes', async (test) => {
    const { folder, bind, publish } = workspace(test)
    await bind(text('t.txt.gz')).write('text')
    await bind(json<number[]>('j.json')).write([1])
    await bind(jsonLines<number>('l.jsonl.gz')).write([1, 2])
    await bind(file('f.bin')).write(Readable.from([Buffer.from('by'), Buffer.from('tes')]))
    await publish()
    assert.equal(gunzipSync(readFileSync(join(folder, 't.txt.gz'))).toString(), 'text')
    assert.deepEqual(await bind(json<number[]>('j.json')).read(), [1])
    assert.deepEqual(await bind(jsonLines<number>('l.jsonl.gz')).read(), [1, 2])
    assert.equal(Buffer.from(await bind(file('f.bin')).read()).toString(), 'bytes')
  })

  it('take streams that are larger than a chunk, and give them line by line', async (test) => {
    const { bind, publish } = workspace(test)
    const target = bind(jsonLines<{ n: number }>('many.jsonl.gz'))
    await target.write(
      (async function* () {
        for (let n = 0; n < 50_000; n++) yield { n }
      })(),
    )
    await publish()
    let sum = 0
    for await (const { n } of target.readLines()) sum += n
    assert.equal(sum, (49_999 * 50_000) / 2)
  })

  it('say which line is not JSON, and which file is not there', async (test) => {
    const { bind, publish } = workspace(test)
    await bind(text('bad.jsonl')).write('1\n\n{"a":\n')
    await publish()
    await assert.rejects(bind(jsonLines('bad.jsonl')).read(), /bad\.jsonl, line 3 is not JSON/)
    await assert.rejects(bind(jsonLines('none.jsonl')).read(), /ENOENT.*none\.jsonl/)
    await assert.rejects(bind(text('none.txt.gz')).read(), /ENOENT.*none\.txt\.gz/)
  })

  it('leave nothing behind when writing fails', async (test) => {
    const { folder, bind } = workspace(test)
    const fails = (async function* () {
      yield 'some'
      throw new Error('the source dried up')
    })()
    await assert.rejects(bind(file('a.txt')).write(fails), /dried up/)
    assert.deepEqual(readdirSync(folder), [])
  })

  it('lose what dead attempts left beside them, and only that', async (test) => {
    const { folder, bind } = workspace(test)
    await bind(text('a.txt')).write('left')
    await bind(text('a.txt.gz')).write('another target, being written')
    await fileStorage(folder).removeStaged('a.txt')
    const [left, ...others] = readdirSync(folder)
    assert.match(left ?? '', /^\.a\.txt\.gz\./)
    assert.deepEqual(others, [])
  })

  it('refuse paths that could leave the storage', () => {
    for (const path of [
      '',
      '/etc/passwd',
      '../x',
      'a/../../x',
      'a//b',
      'a\\b',
      'a\0b',
      'file:///x',
      's3://b/x',
      'x'.repeat(201),
    ])
      assert.throws(() => text(path), /target path/, path)
  })

  it('are looked up in bulk, alone or by listing their folder', async (test) => {
    const { folder, bind, publish } = workspace(test)
    for (const n of [1, 5, 9]) await bind(text(`many/${n}.txt`)).write('x')
    await publish()
    const paths = Array.from({ length: 10 }, (_, n) => `many/${n}.txt`)
    const storage = fileStorage(folder)
    assert.deepEqual(
      (await storage.existMany(paths)).flatMap((is, n) => (is ? [n] : [])),
      [1, 5, 9],
    )
    assert.deepEqual(await storage.existMany(['none/a', 'many/1.txt', 'many/1.txt/x']), [false, true, false])
  })
})
