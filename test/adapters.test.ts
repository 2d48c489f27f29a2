import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { openDatabase } from '../src/adapters/sqlite/database.ts'
import { isProcessGone, makeWorkerId } from '../src/adapters/system/processes.ts'
import { CommandHosts } from '../src/runners/command/command-hosts.ts'
import { Supervision } from '../src/runners/process/supervision.ts'
import { temporaryFolder } from './support/folders.ts'

describe('a state of an older version', () => {
  it('is migrated after a backup', (test) => {
    const folder = temporaryFolder(test)
    const path = join(folder, 'state.db')
    const first = ['CREATE TABLE old (x INTEGER)']
    const before = openDatabase(path, { migrations: first })
    before.sql.exec('INSERT INTO old VALUES (7)')
    before.close()
    const after = openDatabase(path, {
      migrations: [...first, 'CREATE TABLE young AS SELECT x + 1 AS y FROM old'],
    })
    assert.equal(after.sql.prepare('SELECT y FROM young').get()?.y, 8)
    after.close()
    const backup = readdirSync(folder).find(
      (name) => name.startsWith('state.db.v1-') && name.endsWith('.backup'),
    )
    const copy = new DatabaseSync(join(folder, backup ?? ''))
    assert.equal(copy.prepare('SELECT x FROM old').get()?.x, 7)
    assert.throws(() => copy.prepare('SELECT y FROM young'))
    copy.close()
  })
})

describe('a worker process', () => {
  it('is known to be gone only on its own host', async () => {
    const own = makeWorkerId()
    assert.equal(await isProcessGone(own), false)
    const [host = '', , start = ''] = own.split('/')
    assert.equal(await isProcessGone(`${host}/999999999/${start}`), true)
    assert.equal(
      await isProcessGone(`${host}/${process.pid}/${start}1`),
      true,
      'its number is another process by now',
    )
    assert.equal(await isProcessGone(`elsewhere/999999999/${start}`), false)
  })
})

describe('children under supervision', () => {
  it('end with their lease, also where they do not listen', async (test) => {
    const supervision = new Supervision()
    test.after(() => supervision.close())
    const deaf = spawn('sh', ['-c', 'trap "" TERM INT HUP; sleep 60'], { detached: true })
    const ended = once(deaf, 'exit')
    supervision.watch(deaf.pid ?? 0, 60_000)
    supervision.watch(deaf.pid ?? 0, 100)
    assert.deepEqual(await ended, [null, 'SIGKILL'])
  })

  it('end with whoever started them', async (test) => {
    const supervision = new Supervision()
    test.after(() => supervision.close())
    const idle = spawn('sleep', ['60'], { detached: true })
    const ended = once(idle, 'exit')
    supervision.watch(idle.pid ?? 0)
    supervision.close()
    assert.deepEqual(await ended, [null, 'SIGKILL'])
  })
})

describe('commands in their hosts', () => {
  const attempt = (number: number, state = '/one') => ({
    SLUICE_STATE: state,
    SLUICE_RUN: `run-${process.pid}`,
    SLUICE_TASK: 'Task(of=a test)',
    SLUICE_ATTEMPT: String(number),
  })
  const command = (argv: string[], leaseMs = 60_000) => ({ argv, folder: '/', env: attempt(1), leaseMs })

  it('end with their lease, also where nobody is there to say so', async (test) => {
    const hosts = new CommandHosts()
    test.after(() => hosts.close())
    const { end } = hosts.run(command(['sleep', '60'], 100), () => {})
    const { reason, signal } = await end
    assert.deepEqual([reason, signal], ['lost', 'SIGKILL'])
  })

  it('are lost with a host that dies, and the next ones get another', async (test) => {
    const hosts = new CommandHosts()
    test.after(() => hosts.close())
    const said: string[] = []
    const first = hosts.run(command(['sh', '-c', 'kill -9 $PPID; sleep 1']), () => {})
    assert.equal((await first.end).reason, 'lost')
    const next = hosts.run(command(['echo', 'here']), (_, text) => said.push(text))
    assert.deepEqual(await next.end, { code: 0, signal: null })
    assert.equal(said.join(''), 'here\n')
  })

  it('end at the next attempt at the latest, where nobody was left to end them', async (test) => {
    const hosts = new CommandHosts()
    test.after(() => hosts.close())
    const left = spawn('sleep', ['60'], { env: { ...process.env, ...attempt(1) } })
    const ended = once(left, 'exit')
    const others = spawn('sleep', ['60'], { env: { ...process.env, ...attempt(1, '/other') } })
    test.after(() => others.kill())
    await hosts.run({ ...command(['true']), env: attempt(2) }, () => {}).end
    assert.deepEqual(await ended, [null, 'SIGKILL'])
    assert.deepEqual(
      [others.exitCode, others.signalCode],
      [null, null],
      'another state has a run of that name',
    )
  })

  it('that cannot be started say why', async (test) => {
    const hosts = new CommandHosts()
    test.after(() => hosts.close())
    const nowhere = hosts.run({ ...command(['true']), folder: '/nowhere' }, () => {})
    assert.match((await nowhere.end).error ?? '', /ENOENT/)
    const tooLong = hosts.run(command(['true', 'x'.repeat(4_000_000)]), () => {})
    assert.match((await tooLong.end).error ?? '', /E2BIG/)
  })
})
