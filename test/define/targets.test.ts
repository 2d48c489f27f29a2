import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, it, type TestContext } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { makeFileStorage } from '../../src/adapters/files/file-storage.ts'
import type { StagedOutput } from '../../src/core/ports/working.ts'
import type { StorageTarget } from '../../src/define/targets/storage-target.ts'
import { collection, file, json, jsonLines, text } from '../../src/index.ts'
import { temporaryFolder } from '../support/folders.ts'

function workspace(test: TestContext) {
  const folder = temporaryFolder(test)
  const staged = new Map<string, StagedOutput>()
  const space = { storage: makeFileStorage(folder), writer: 'w', staged }
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

  it('take only LF and CRLF for the end of a line, and leave a byte order mark out', async (test) => {
    const { bind, publish } = workspace(test)
    const values = ['a\u2028b', 'c\u2029d', 'e\rf']
    await bind(jsonLines<string>('l.jsonl')).write(values)
    await bind(text('crlf.jsonl')).write('\ufeff"a"\r\n"b\u2028"\r\n')
    await bind(text('bom.json')).write('\ufeff{}')
    await publish()
    assert.deepEqual(await bind(jsonLines<string>('l.jsonl')).read(), values)
    assert.deepEqual(await bind(jsonLines<string>('crlf.jsonl')).read(), ['a', 'b\u2028'])
    assert.deepEqual(await bind(json('bom.json')).read(), {})
  })

  it('refuse bytes that are not UTF-8 instead of reading others', async (test) => {
    const { bind, publish } = workspace(test)
    await bind(file('latin1')).write(Buffer.from('"Caf\xe9"\n', 'latin1'))
    await publish()
    for (const read of [
      () => bind(text('latin1')).read(),
      () => bind(json('latin1')).read(),
      () => bind(jsonLines('latin1')).read(),
    ])
      await assert.rejects(read, /latin1 is not UTF-8/)
  })

  it('write nothing that JSON does not have', async (test) => {
    const { folder, bind, publish } = workspace(test)
    const wrong: [value: unknown, problem: RegExp][] = [
      [undefined, /is undefined/],
      [() => 1, /is a function/],
      [Symbol('s'), /is a symbol/],
      [Number.NaN, /is NaN/],
      [{ mean: [1, Number.POSITIVE_INFINITY] }, /mean\[1\] is Infinity/],
      [[undefined], /\[0\] is undefined/],
      [{ n: Promise.resolve(1) }, /n is a Promise, which JSON would write as \{\}/],
      [{ of: new Map([[1, 2]]) }, /of is a Map/],
      [new Date(Number.NaN), /is an invalid date/],
    ]
    for (const [value, problem] of wrong) {
      await assert.rejects(bind(json('v.json')).write(value), problem)
      await assert.rejects(bind(jsonLines('v.jsonl')).write([1, value]), problem)
    }
    await assert.rejects(
      bind(jsonLines('v.jsonl')).write([1, undefined]),
      /v\.jsonl, line 2 cannot be written/,
    )
    await publish()
    assert.deepEqual(readdirSync(folder), [])
    class Point {
      x = 1
      left = undefined
    }
    await bind(json('v.json')).write({ at: new Date(0), none: undefined, point: new Point(), map: {} })
    await publish()
    assert.deepEqual(await bind(json('v.json')).read(), {
      at: '1970-01-01T00:00:00.000Z',
      point: { x: 1 },
      map: {},
    })
  })

  it('are listed one and all, whatever flags the pattern of a collection has', async (test) => {
    const { folder, bind, publish } = workspace(test)
    for (const n of [1, 2, 3, 4, 5]) await bind(json(`m/${n}.jsonl`)).write(n)
    await publish()
    const space = { storage: makeFileStorage(folder), staged: new Map<string, StagedOutput>() }
    for (const pattern of [/\.jsonl$/g, /m\/\d\.jsonl/gy]) {
      const listed = await collection('m', (path) => jsonLines(path), pattern)
        .in(space)
        .list()
      assert.equal(listed.length, 5, String(pattern))
    }
  })

  it('that are links are followed, single or many, listed or not; dangling ones are absent', async (test) => {
    const { folder } = workspace(test)
    mkdirSync(join(folder, 'real/deep'), { recursive: true })
    mkdirSync(join(folder, 'out'))
    writeFileSync(join(folder, 'real/deep/a'), '')
    const names = Array.from({ length: 8 }, (_, n) => `out/${n}`)
    symlinkSync('../real/deep/a', join(folder, names[0] as string))
    for (const name of names.slice(1)) symlinkSync('nowhere', join(folder, name))
    symlinkSync('../real', join(folder, 'out/folder'))
    symlinkSync('..', join(folder, 'real/up'))
    const storage = makeFileStorage(folder)
    const expected = names.map((_, n) => n === 0)
    assert.deepEqual(await storage.existMany(names), expected)
    assert.deepEqual(await storage.existMany(names.slice(0, 7)), expected.slice(0, 7))
    assert.deepEqual(await storage.existMany(names.slice(0, 2)), [true, false])
    // Through the link up, `out` is reached once more, as any path through it reaches it.
    const listed = await storage.list('out')
    assert.deepEqual(listed.slice(0, 2), ['out/0', 'out/folder/deep/a'])
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
    await makeFileStorage(folder).removeStaged('a.txt')
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
    const storage = makeFileStorage(folder)
    assert.deepEqual(
      (await storage.existMany(paths)).flatMap((is, n) => (is ? [n] : [])),
      [1, 5, 9],
    )
    assert.deepEqual(await storage.existMany(['none/a', 'many/1.txt', 'many/1.txt/x']), [false, true, false])
  })
})
