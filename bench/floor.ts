import { closeSync, mkdirSync, openSync, renameSync } from 'node:fs'
import { resolve } from 'node:path'
import { openDatabase } from '../src/adapters/sqlite/database.ts'

/**
 * `node bench/floor.ts SIZE FOLDER`: what SQLite and the file system take for `wide`, without an engine: the same number of
 * records, events and messages, as large as the real ones, in groups of 64, and the same files. The last line is JSON.
 */
const [size = '10000', folder = ''] = process.argv.slice(2)
const GROUP = 64
const data = resolve(folder, 'data')
mkdirSync(data, { recursive: true })
const database = openDatabase(resolve(folder, 'state.db'))
const { sql, transaction } = database
const upsert = sql.prepare(
  'INSERT INTO record (key, body) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET body = excluded.body',
)
const tell = sql.prepare('INSERT INTO feed (key) VALUES (?)')
const forget = sql.prepare('DELETE FROM feed WHERE key = ?')
const send = sql.prepare(
  "INSERT INTO message (id, run, number, attempt, visible_at) VALUES (?, 'run', ?, 1, 0)",
)
const hide = sql.prepare('UPDATE message SET visible_at = 1 WHERE id = ?')
const acknowledge = sql.prepare('DELETE FROM message WHERE id = ?')

const record = { kind: 'taskRun', run: 'shapes-0123456789abcdef-1', status: 'queued', text: 'x'.repeat(300) }
const lock = { kind: 'lock', taskId: `Touch-${'a'.repeat(64)}`, holder: 'shapes-0123456789abcdef-1/1234/1' }
const keyOf = (number: number) => `task/shapes-0123456789abcdef-1/${String(number).padStart(8, '0')}`
const lockOf = (number: number) =>
  `lock/Touch-${((number * 2_654_435_761) >>> 0).toString(16).padStart(64, '0')}`
const put = (key: string, body: object) => upsert.run(key, JSON.stringify(body))

function touch(number: number): void {
  const beside = resolve(data, `.${number}.tmp`)
  closeSync(openSync(beside, 'w'))
  renameSync(beside, resolve(data, `${number}`))
}

/** The steps of one task, each in a transaction of its group. */
const steps: ((number: number) => void)[] = [
  (number) => put(keyOf(number), record),
  (number) => {
    put(keyOf(number), { ...record, number })
    tell.run(keyOf(number))
  },
  (number) => {
    forget.run(keyOf(number))
    send.run(number + 1, number)
    hide.run(number + 1)
  },
  (number) => {
    put(keyOf(number), { ...record, number, status: 'running' })
    put(lockOf(number), lock)
  },
  (number) => {
    touch(number)
    acknowledge.run(number + 1)
    put(keyOf(number), { ...record, number, status: 'succeeded' })
    tell.run(keyOf(number))
  },
  (number) => {
    put(lockOf(number), { ...lock, holder: undefined })
    forget.run(keyOf(number))
  },
]

sql.exec('CREATE INDEX feed_key ON feed (key)')
const start = performance.now()
for (let first = 0; first < Number(size); first += GROUP)
  for (const step of steps)
    transaction(() => {
      for (let number = first; number < Math.min(first + GROUP, Number(size)); number++) step(number)
    })
console.log(JSON.stringify({ seconds: (performance.now() - start) / 1000, ok: true }))
database.close()
