import assert from 'node:assert/strict'
import { globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { makeFileLogs } from '../../src/adapters/logs/file-logs.ts'
import type { AttemptName, LogLine, Logs } from '../../src/core/ports/looking.ts'
import { temporaryFolder } from '../support/folders.ts'

const NAME: AttemptName = { run: 'r-1', number: 3, attempt: 1 }
const line = (n: number): LogLine => ({ at: n, level: 'info', text: `line ${n} ${'x'.repeat(50)}` })

async function readAll(logs: Logs, from = 0): Promise<{ texts: string[]; next: number }> {
  const texts: string[] = []
  for (let at = from; ; ) {
    const { lines, next } = await logs.read(NAME, at)
    if (lines.length === 0) return { texts, next: at }
    texts.push(...lines.map(({ text }) => text))
    at = next
  }
}

const sizeOf = (folder: string) =>
  globSync('**/*.jsonl', { cwd: folder }).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)

describe('the log of an attempt that prints endlessly', () => {
  it('keeps its head and its tail, and says how much is left out between them', async (test) => {
    const folder = temporaryFolder(test)
    const logs = makeFileLogs(folder, { maxBytes: () => 10_000 })
    const log = logs.open(NAME)
    for (let n = 0; n < 2_000; n++) {
      log.write([line(n)])
      assert.ok(sizeOf(folder) < 10_500, `${sizeOf(folder)} bytes after ${n} lines`)
    }
    const { texts } = await readAll(logs)
    assert.equal(texts[0], line(0).text)
    assert.equal(texts.at(-1), line(1_999).text)
    const gap = texts.findIndex((text) => text.includes('left out here'))
    assert.match(texts[gap - 1] ?? '', /^This log is longer than 5000 bytes/)
    const [head, tail] = [texts.slice(0, gap - 1), texts.slice(gap + 1)]
    assert.deepEqual(
      head,
      head.map((_, n) => line(n).text),
    )
    assert.deepEqual(
      tail,
      tail.map((_, n) => line(2_000 - tail.length + n).text),
    )
    assert.ok(tail.length > 25, `${tail.length} lines of the tail`)
    const left = Array.from({ length: 2_000 - head.length - tail.length }, (_, n) => line(head.length + n))
    const bytes = left.reduce((sum, each) => sum + Buffer.byteLength(`${JSON.stringify(each)}\n`), 0)
    assert.equal(texts[gap], `… ${bytes} bytes of this log are left out here …`)
    assert.deepEqual(await logs.list('r-1'), [NAME])
    await logs.remove('r-1')
    assert.deepEqual(globSync('**/*', { cwd: folder }), [])
  })

  it('is followed without a line twice, and a follower that is too slow is told what it missed', async (test) => {
    const logs = makeFileLogs(temporaryFolder(test), { maxBytes: () => 10_000 })
    const log = logs.open(NAME)
    const seen: string[] = []
    let from = 0
    for (let n = 0; n < 500; n++) {
      log.write([line(n)])
      // The follower sleeps from line 200 to line 400.
      if (n >= 200 && n < 400) continue
      const { texts, next } = await readAll(logs, from)
      seen.push(...texts)
      from = next
    }
    const own = seen.filter((text) => text.startsWith('line'))
    assert.equal(new Set(own).size, own.length)
    assert.deepEqual(
      own.slice(0, 200),
      Array.from({ length: 200 }, (_, n) => line(n).text),
    )
    assert.deepEqual(
      own.slice(-100),
      Array.from({ length: 100 }, (_, n) => line(400 + n).text),
    )
    assert.equal(seen.filter((text) => text.includes('left out here')).length, 1)
  })

  it('has one file where it stays below the bound', async (test) => {
    const folder = temporaryFolder(test)
    const logs = makeFileLogs(folder, { maxBytes: () => 10_000 })
    logs.open(NAME).write([line(0), line(1)])
    assert.deepEqual(globSync('**/*.jsonl', { cwd: folder }), [join('r-1', '3.1.jsonl')])
    assert.equal(readFileSync(join(folder, 'r-1', '3.1.jsonl'), 'utf8').split('\n').length, 3)
  })
})
