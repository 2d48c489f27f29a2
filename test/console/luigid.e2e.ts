import assert from 'node:assert/strict'
import { it } from 'node:test'
import { testProject } from '../support/cli.ts'
import { until } from '../support/processes.ts'
import { look, openSigned } from './serve.ts'

const HOSTILE = '<img src=x onerror="document.title=1"> \u202etfel\u200b/%2F?#'

it("shows Luigi's scheduler", async (test) => {
  const dev = testProject(test, {
    'luigi.cfg': '[resources]\nmag = 2\n[scheduler]\nworker_disconnect_delay = 100000\n',
  }).start(['dev', '--port', '0', '--luigid', '0'])
  const find = (pattern: RegExp) => pattern.exec(dev.stdout())?.[1]
  await until(() => find(/Luigi scheduler listens on (\S+)/) !== undefined)
  const [address = '', scheduler = ''] = [
    find(/The console: (\S+)/),
    find(/Luigi scheduler listens on (\S+)/),
  ]
  const served = { address, base: new URL(address).origin }
  const call = async (method: string, sent: object) => {
    const body = new URLSearchParams({ data: JSON.stringify(sent) })
    const answer = await fetch(`${scheduler}/api/${method}`, { method: 'POST', body })
    assert.equal(answer.status, 200, await answer.text())
  }
  const add = (family: string, more: object = {}) =>
    call('add_task', { worker: 'w', task_id: `${family}_1`, family, params: { day: '1' }, ...more })

  await test.test('is empty at first, and says how to begin', async () => {
    const { page, complaints } = await openSigned(served, '/luigid')
    await page.getByText('The scheduler knows no task.').waitFor()
    await page.getByText('No worker is there.').waitFor()
    await look(page, 'luigid-empty')
    assert.deepEqual(complaints, [])
  })

  await add('Report', { deps: ['Load_1', HOSTILE], tracking_url: 'javascript:document.title=1' })
  await add('Load', { status: 'FAILED', expl: JSON.stringify(`Traceback: ${HOSTILE}`) })
  await call('add_task', {
    worker: HOSTILE,
    task_id: HOSTILE,
    family: HOSTILE,
    params: { [HOSTILE]: HOSTILE },
  })
  for (let n = 0; n < 250; n++) await add(`Part${n}`, { status: 'DONE' })
  await call('add_worker', { worker: 'w', info: { host: 'laptop', workers: 2, first_task: 'Report_1' } })

  await test.test('lists tasks by status and name in pages, and workers', async () => {
    const { page, complaints } = await openSigned(served)
    await page.getByRole('link', { name: 'Luigi', exact: true }).click()
    await page.getByText('253 tasks', { exact: true }).waitFor()
    await page.getByRole('link', { name: 'Further tasks' }).click()
    await page.getByRole('link', { name: 'Part120(day=1)' }).waitFor()
    await page.getByRole('link', { name: 'The first tasks' }).click()
    await page.getByRole('row', { name: /^w .*Report\(day=1\) 0 of 2/ }).waitFor()
    await page.getByText('0 of 2 held').waitFor()
    await look(page, 'luigid')
    await page.getByRole('button', { name: '1 failed' }).click()
    await page.getByText('1 task', { exact: true }).waitFor()
    await page.getByRole('link', { name: 'Load(day=1)' }).waitFor()
    await page.getByRole('button', { name: '1 failed' }).click()
    await page.getByLabel('Name contains').fill('part7 1')
    await page.getByLabel('Name contains').press('Enter')
    await page.getByText('11 tasks', { exact: true }).waitFor()
    assert.deepEqual(complaints, [])
  })

  await test.test('says why a task waits and why another failed; hostile names stay text', async () => {
    const { page, complaints } = await openSigned(served, '/luigid?text=report')
    await page.getByRole('link', { name: 'Report(day=1)' }).click()
    await page.getByText('it depends on Load(day=1), which is FAILED').waitFor()
    await look(page, 'luigid-task')
    assert.equal(await page.getByRole('link', { name: /javascript/ }).count(), 0)
    await page.getByRole('table', { name: 'Dependencies' }).getByRole('link', { name: /tfel/ }).click()
    await page.getByText('it can start: a worker gets it by its rank, when it asks for work').waitFor()
    await look(page, 'luigid-hostile')
    await page.goBack()
    await page.getByRole('link', { name: 'Load(day=1)' }).click()
    await page.getByRole('heading', { name: 'Why it failed' }).waitFor()
    await page.getByText('it has failed, and waits for its next try').waitFor()
    assert.match(await page.title(), /^Task of Luigi · Sluice$/)
    assert.deepEqual(complaints, [])
  })
  dev.child.kill('SIGTERM')
  await dev.ended
})
