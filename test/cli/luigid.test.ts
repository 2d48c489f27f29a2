import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { seeded } from '../simulation/scheduler.ts'
import { type Started, type TestProject, testProject } from '../support/cli.ts'
import { until } from '../support/processes.ts'

/** A port that was free a moment ago, for a scheduler that comes back to it. */
async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Starts the scheduler, and waits until it listens. */
async function startScheduler(project: TestProject, ...flags: string[]): Promise<Started & { url: string }> {
  return waitForScheduler(project.start(['luigid', ...flags]))
}

async function waitForScheduler(started: Started): Promise<Started & { url: string }> {
  const ended = started.ended.then(({ stderr }) => assert.fail(stderr))
  const url = () => /scheduler listens on (http:\/\/\S+:\d+)/.exec(started.stdout())?.[1]
  await Promise.race([until(() => url() !== undefined), ended])
  ended.catch(() => {})
  return { ...started, url: url() ?? '' }
}

// biome-ignore lint/suspicious/noExplicitAny: an answer of the protocol, whatever it is
async function call(url: string, method: string, sent: object = {}, headers = {}): Promise<any> {
  const body = new URLSearchParams({ data: JSON.stringify(sent) })
  const response = await fetch(`${url}/api/${method}`, { method: 'POST', body, headers })
  if (!response.ok) throw new Error(`${method}: ${response.status} ${await response.text()}`)
  return ((await response.json()) as { response: unknown }).response
}

describe('sluice luigid', () => {
  it('keeps what it was told, and ends on a signal with the exit code 0', async (test) => {
    const project = testProject(test, {
      'luigi.cfg': '# of the team\n[core]\nx: y\n[scheduler]\nretry-delay = 7\n[resources]\nmag = 3\n',
    })
    const first = await startScheduler(project, '--port', '0')
    await call(first.url, 'add_task', { worker: 'w', task_id: 'A' })
    assert.deepEqual(await call(first.url, 'has_task_history'), true)
    first.child.kill('SIGTERM')
    assert.equal((await first.ended).code, 0)
    const second = await startScheduler(project, '--port', '0')
    assert.equal((await call(second.url, 'get_work', { worker: 'w' })).task_id, 'A')
    assert.equal((await call(second.url, 'resource_list'))[0].num_total, 3)
    assert.equal((await fetch(`${second.url}/api/test/info`, { method: 'POST' })).status, 404)
    second.child.kill('SIGINT')
    const { code, stdout } = await second.ended
    assert.equal(code, 0)
    assert.match(stdout, /Stopped\. The state is kept/)
  })

  it('is a part of sluice dev if it is asked for, with the same state', async (test) => {
    const project = testProject(test, {})
    const first = await waitForScheduler(project.start(['dev', '--port', '0', '--luigid', '0']))
    await call(first.url, 'add_task', { worker: 'w', task_id: 'A' })
    first.child.kill('SIGTERM')
    await first.ended
    const second = await startScheduler(project, '--port', '0')
    assert.equal((await call(second.url, 'get_work', { worker: 'w' })).task_id, 'A')
    second.child.kill('SIGTERM')
    await second.ended
  })

  it('asks for a token where other machines may ask', async (test) => {
    const project = testProject(test, {})
    const { url, stdout } = await startScheduler(project, '--host', '0.0.0.0', '--port', '0')
    await until(() => /--scheduler-url http:\/\/luigi:TOKEN@HOST:\d+/.test(stdout()))
    const here = url.replace('0.0.0.0', '127.0.0.1')
    await assert.rejects(call(here, 'is_paused'), /401/)
    const token = readFileSync(project.path('.sluice/api-token'), 'utf8').trim()
    const authorization = `Basic ${Buffer.from(`luigi:${token}`).toString('base64')}`
    assert.deepEqual(await call(here, 'is_paused', {}, { authorization }), { paused: false })
    assert.doesNotMatch(stdout(), new RegExp(token))
  })

  it('says what is wrong with its flags and its config', async (test) => {
    const project = testProject(test, {
      'bad.cfg': '[scheduler]\nretry_delay = soon\n',
      'worse.cfg': '[resources]\nr = \n',
      'flag.cfg': '[scheduler]\npause_enabled = maybe\n',
    })
    const { url } = await startScheduler(project, '--port', '0')
    const port = url.slice(url.lastIndexOf(':') + 1)
    for (const [flags, message] of [
      [['--port', port], /The port \d+ is in use\.\nnext: .*--port/],
      [['--port', '70000'], /port up to 65535/],
      [['--host', '203.0.113.7', '--port', '0'], /no address 203\.0\.113\.7\.\nnext: .*--host/],
      [['--luigi-config', 'bad.cfg'], /bad\.cfg: retry_delay is "soon"; it takes a number/],
      [['--luigi-config', 'worse.cfg'], /worse\.cfg: the resource r is ""/],
      [['--luigi-config', 'flag.cfg'], /flag\.cfg: pause_enabled is "maybe"; it takes true or false/],
      [['--luigi-config', 'none.cfg'], /none\.cfg cannot be read: .*\nnext: Name a file/],
    ] as [string[], RegExp][]) {
      const { code, stderr } = await project.sluice('luigid', ...flags)
      assert.equal(code, 2, stderr)
      assert.match(stderr, message)
    }
  })
})

const KILLS = 20
const TASKS = 400
const WORKERS = 4

it(`a scheduler that is killed ${KILLS} times loses no task, and lets none run twice at once`, async (test) => {
  const project = testProject(test, {})
  const port = await findFreePort()
  const url = `http://127.0.0.1:${port}`
  const random = seeded(5)
  const running = new Set<string>()
  const runs = new Map<string, number>()
  let answered = 0
  let isOver = false

  /** A client tries again until it is answered, as that of Luigi does. */
  async function insist(method: string, sent: object): ReturnType<typeof call> {
    for (;;)
      try {
        const answer = await call(url, method, sent)
        answered++
        return answer
      } catch (error) {
        assert.doesNotMatch(String(error), /: [45]\d\d /)
        await sleep(5)
      }
  }

  async function work(worker: string): Promise<void> {
    for (;;) {
      const { task_id, n_pending_tasks } = await insist('get_work', { worker, current_tasks: [] })
      if (task_id === null && n_pending_tasks === 0) return
      if (task_id === null) {
        await sleep(5)
        continue
      }
      assert.ok(!running.has(task_id), `${task_id} runs twice at once`)
      running.add(task_id)
      await sleep(random() * 10)
      runs.set(task_id, (runs.get(task_id) ?? 0) + 1)
      running.delete(task_id)
      await insist('add_task', { worker, task_id, status: 'DONE', runnable: null })
    }
  }

  async function killAgainAndAgain(): Promise<number> {
    for (let kills = 0; ; kills++) {
      const { child, ended } = await startScheduler(project, '--port', String(port))
      if (kills === KILLS) return kills
      const wanted = answered + 10 + random() * 90
      await until(() => answered >= wanted || isOver)
      if (isOver) return kills
      child.kill('SIGKILL')
      await ended
    }
  }

  const killing = killAgainAndAgain()
  // Layers of twenty: each task needs two of the layer before.
  const needs = (n: number) => (n < 20 ? [] : [n - 20, n - 20 - (n % 20) + ((n + 1) % 20)])
  const schedule = async (worker: string) => {
    for (let n = 0; n < TASKS; n++)
      await insist('add_task', { worker, task_id: `T${n}`, deps: needs(n).map((each) => `T${each}`) })
    await work(worker)
  }
  await Promise.all(Array.from({ length: WORKERS }, (_, n) => schedule(`w${n}`)))
  isOver = true
  const kills = await killing
  assert.equal(kills, KILLS, 'all kills fell into the work')
  assert.equal(runs.size, TASKS, 'every task ran')
  assert.deepEqual(
    [...runs.values()].filter((times) => times > 1),
    [],
    'and none again',
  )
})
