import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { type Started, type TestProject, testProject } from '../support/cli.ts'
import { until } from '../support/processes.ts'

/** Starts a scheduler, and returns what a client of Luigi does with it. */
async function startScheduler(project: TestProject, ...words: string[]) {
  const started: Started = project.start(words)
  const ended = started.ended.then(({ stderr }) => assert.fail(stderr))
  const url = () => /Luigi scheduler listens on (http:\/\/\S+:\d+)/.exec(started.stdout())?.[1]
  await Promise.race([until(() => url() !== undefined), ended])
  ended.catch(() => {})
  return {
    ...started,
    async call(method: string, sent: object): Promise<void> {
      const body = new URLSearchParams({ data: JSON.stringify(sent) })
      const response = await fetch(`${url()}/api/${method}`, { method: 'POST', body })
      assert.equal(response.status, 200, await response.text())
    },
  }
}

type Scheduler = Awaited<ReturnType<typeof startScheduler>>

/** A task that has failed, one that waits for it, and one that is done. */
async function addTasks({ call }: Scheduler): Promise<void> {
  const task = (family: string, more: object) =>
    call('add_task', { worker: 'w', task_id: `${family}_1`, family, params: { n: '1' }, ...more })
  await task('Report', { deps: ['Load_1'] })
  await task('Load', { status: 'FAILED', expl: JSON.stringify('Traceback:\n  no such table') })
  await task('Done', { status: 'DONE' })
  await call('add_worker', { worker: 'w', info: { host: 'laptop', workers: 2, first_task: 'Report_1' } })
}

describe('sluice status luigid', () => {
  it('shows workers and tasks of a scheduler that runs, and why one waits; also when it has ended', async (test) => {
    const project = testProject(test, {})
    const scheduler = await startScheduler(project, 'luigid', '--port', '0')
    await addTasks(scheduler)
    const look = async () => {
      const all = await project.sluice('status', 'luigid')
      assert.equal(all.code, 0, all.stderr)
      assert.match(all.stdout, /^Tasks: 1 PENDING, 1 DONE, 1 FAILED$/m)
      assert.match(all.stdout, /^w +laptop +2 +0 +1 .*Report\(n=1\)$/m)
      assert.match(all.stdout, /^Report\(n=1\) +PENDING .*UPSTREAM_FAILED$/m)
      assert.doesNotMatch(all.stdout, /Done\(n=1\)/, 'what is done is only counted')
      const why = await project.sluice('why', 'luigid', 'Report')
      assert.match(
        why.stdout,
        /^Report\(n=1\) is PENDING since .*\n {2}it depends on Load\(n=1\), which is FAILED\n$/,
      )
    }
    await look()
    scheduler.child.kill('SIGKILL')
    await scheduler.ended
    await look()
    const failed = await project.sluice('status', 'luigid', '--failed', '--json')
    const { counts, workers, tasks } = JSON.parse(failed.stdout)
    assert.deepEqual(counts, { PENDING: 1, DONE: 1, FAILED: 1 })
    assert.deepEqual([workers.length, tasks.map(({ id }: { id: string }) => id)], [1, ['Load_1']])
    const one = await project.sluice('status', 'luigid', 'Load_1')
    assert.match(one.stdout, /error\n {4}Traceback:\n {6}no such table/)
    const told = JSON.parse((await project.sluice('why', 'luigid', 'Load', '--json')).stdout)
    assert.deepEqual([told.id, told.status, told.reasons.length], ['Load_1', 'FAILED', 1])
  })

  it('says what is wrong: no scheduler, and no such task', async (test) => {
    const project = testProject(test, {})
    for (const words of [
      ['status', 'luigid'],
      ['status', 'luigid', 'A'],
      ['why', 'luigid', 'A'],
    ]) {
      const { code, stderr } = await project.sluice(...words)
      assert.equal(code, 2)
      assert.match(stderr, /^error: No central scheduler of Luigi .*\nnext: Start one: sluice luigid/)
    }
    const scheduler = await startScheduler(project, 'luigid', '--port', '0')
    await addTasks(scheduler)
    const { code, stderr } = await project.sluice('why', 'luigid', 'Reprot')
    assert.equal(code, 2)
    assert.match(
      stderr,
      /knows no task Reprot\. Did you mean Report\?\nnext: sluice status luigid lists them/,
    )
  })

  it('is in the API of sluice dev, whether the scheduler runs within it or beside it', async (test) => {
    const project = testProject(test, {})
    const within = await startScheduler(project, 'dev', '--port', '0', '--luigid', '0')
    await addTasks(within)
    const ask = async ({ stdout }: Started, path: string) => {
      const base = /(http:\S+)\/v1\/runs/.exec(stdout())?.[1]
      const token = readFileSync(project.path('.sluice/api-token'), 'utf8').trim()
      const answer = await fetch(`${base}/v1/${path}`, { headers: { authorization: `Bearer ${token}` } })
      return (await answer.json()) as { [name: string]: unknown }
    }
    assert.equal((await ask(within, 'luigid/tasks?statuses=PENDING,FAILED')).found, 2)
    within.child.kill('SIGTERM')
    await within.ended
    const beside = await startScheduler(project, 'luigid', '--port', '0')
    const dev = project.start(['dev', '--port', '0'])
    await until(() => /v1\/runs/.test(dev.stdout()))
    await beside.call('add_task', { worker: 'w', task_id: 'New_1', family: 'New', params: {} })
    assert.equal((await ask(dev, 'luigid/tasks/New')).task, 'New()')
    await beside.call('add_task', { worker: 'w', task_id: 'Newer_1', family: 'Newer', params: {} })
    assert.equal((await ask(dev, 'luigid/tasks/Newer')).task, 'Newer()')
    dev.child.kill('SIGTERM')
    await dev.ended
  })
})
