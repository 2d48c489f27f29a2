import assert from 'node:assert/strict'
import { appendFileSync, rmSync } from 'node:fs'
import { it } from 'node:test'
import { testProject } from '../support/cli.ts'
import { FAILS } from './fails-project.ts'
import { look, openSigned, serveProject } from './serve.ts'

it('says that the server has stopped, and goes on by itself when it is there again', async (test) => {
  const project = testProject(test, { 'pipelines/fails.ts': FAILS })
  const served = await serveProject(project)
  const { port } = new URL(served.base)
  const [{ page }, { page: other }] = [await openSigned(served), await openSigned(served, '/runs')]
  await page.getByRole('heading', { name: 'fails' }).waitFor()
  await served.stop()
  for (const each of [page, other]) await each.getByText('Connection lost').waitFor()
  await page.getByText('Is the command still running that serves this page?').waitFor()
  await page.getByRole('heading', { name: 'fails' }).waitFor()
  await look(page, 'stopped')
  const again = await serveProject(project, '--port', port)
  for (const each of [page, other]) await each.getByText('Connection lost').waitFor({ state: 'hidden' })
  await again.follow([await again.start('fails', { name: 'a' })])
  for (const each of [page, other])
    await each
      .getByRole('link', { name: /^fails-/ })
      .first()
      .waitFor()
  // The token is made anew, and the open pages have the old one.
  await again.stop()
  rmSync(project.path('.sluice/api-token'))
  const last = await serveProject(project, '--port', port)
  await page.getByText('Or it has one of an earlier start.').waitFor()
  await look(page, 'old-token')
  assert.equal((await page.goto(served.address))?.status(), 401)
  await page.goto(last.address)
  await page.getByRole('heading', { name: 'fails' }).waitFor()
  await other
    .getByRole('link', { name: /^fails-/ })
    .first()
    .waitFor()
})

it('says of a run that it was forgotten while it was looked at', async (test) => {
  const project = testProject(test, { 'pipelines/fails.ts': FAILS })
  assert.equal((await project.sluice('run', 'fails', '-p', 'name=a')).code, 1)
  const served = await serveProject(project)
  const { page } = await openSigned(served)
  await page
    .getByRole('link', { name: /^fails-/ })
    .first()
    .click()
  await page.getByRole('button', { name: '1 failed' }).waitFor()
  assert.equal((await project.sluice('prune', '--older-than', '1ms', '--yes')).code, 0)
  await page
    .getByRole('link', { name: /^Fails\(/ })
    .first()
    .click()
  await page.getByText(/No run is called/).waitFor()
  await look(page, 'forgotten')
  await page.getByRole('link', { name: 'Overview' }).click()
  await page.getByText('No run yet. Start one of a pipeline above.').waitFor()
})

it('shows the longest names and values of 200 characters whole, and makes no page wider', async (test) => {
  const name = 'n'.repeat(50)
  const value = 'v'.repeat(200)
  const project = testProject(test, {
    'pipelines/long.ts': `
import { pipeline, task } from 'sluice'
import { z } from 'zod'
export const long = pipeline('${name}', task('${'F'.repeat(50)}', { params: { ${name}: z.string() } }, async ({ log }) => log.info('w'.repeat(5_000))))
`,
  })
  const served = await serveProject(project)
  const run = await served.start(name, { [name]: value })
  await served.follow([run])
  const { page, complaints } = await openSigned(served)
  const ofPipeline = ['', '/start', `/plan?p.${name}=${value}`].map((end) => `/pipelines/${name}${end}`)
  const ofRun = ['', '/graph', '/timeline', '/tasks/0', '/tasks/0/log'].map((end) => `/runs/${run}${end}`)
  for (const [index, path] of ['', '/runs', ...ofPipeline, ...ofRun].entries()) {
    await page.goto(served.base + path)
    await page.getByText(name).first().waitFor()
    await look(page, `long-${index}`)
  }
  assert.deepEqual(complaints, [])
})

it('reads a large log in windows, and cuts off no line number', async (test) => {
  const project = testProject(test, { 'pipelines/fails.ts': FAILS })
  const served = await serveProject(project)
  const run = await served.start('fails', { name: 'a' })
  await served.follow([run])
  const LINES = 1_000_000
  const PIECE = 50_000
  for (let from = 0; from < LINES; from += PIECE)
    appendFileSync(
      project.path(`.sluice/logs/${run}/0.1.jsonl`),
      Array.from({ length: PIECE }, (_, index) => {
        const text = `line ${from + index} of a log that goes on and on`
        return `${JSON.stringify({ at: 1, level: 'info', text })}\n`
      }).join(''),
    )
  const { page, complaints } = await openSigned(served)
  let answers = 0
  page.on('response', (response) => {
    if (response.url().endsWith('/logs')) answers += 1
  })
  await page.goto(`${served.base}/runs/${run}/tasks/0/log`)
  await page.getByText(/ lines/).waitFor()
  await page.keyboard.press('/')
  await page.keyboard.type('LINE 70007')
  const status = page.getByRole('status').filter({ hasText: 'looked through' })
  await status.getByText(/^11 hits · 1,000,\d+ lines looked through$/).waitFor()
  assert.equal(new URL(page.url()).searchParams.get('text'), 'LINE 70007')
  assert.equal(await page.locator('mark').first().textContent(), 'line 70007')
  await look(page, 'log-hits')
  await page.keyboard.press('Enter')
  await page.locator('.marked').getByText('line 70007 of').waitFor()
  await page.getByText('line 70006 of').waitFor()
  await page.getByText('line 70008 of').waitFor()
  await status.getByText(/^Hit 1 of 11 /).waitFor()
  await page.keyboard.press('Enter')
  await page.locator('.marked').getByText('line 700070 of').waitFor()
  await page.getByText('line 700069 of').waitFor()
  assert.ok((await page.locator('.line').count()) < 200)
  await look(page, 'log-hit')
  // The address has it all.
  await page.reload()
  await page.locator('.marked mark').getByText('line 70007').waitFor()
  await status.getByText(/^Hit 2 of 11 /).waitFor()
  assert.equal(await page.getByLabel('Search').inputValue(), 'LINE 70007')
  await page.keyboard.press('n')
  await status.getByText(/^Hit 3 of 11 /).waitFor()
  await page.keyboard.press('Shift+N')
  await status.getByText(/^Hit 2 of 11 /).waitFor()
  await page.getByLabel('Search').focus()
  await page.keyboard.press('Shift+Enter')
  await page.locator('.marked').getByText('line 70007 of').waitFor()
  await page.getByRole('button', { name: 'All hits' }).click()
  await page.getByText('line 700079 of').waitFor()
  await page.getByLabel('Search').fill('"{?-.*')
  await page.getByText('No line is like this.').waitFor()
  await page.getByText(/^1,000,\d+ lines were looked through/).waitFor()
  await look(page, 'log-no-hit')
  answers = 0
  await page.getByLabel('Search').fill('')
  const readOn = page.getByRole('button', { name: 'Read on' })
  await readOn.waitFor()
  const first = answers
  assert.ok(first < 30, `${first} answers`)
  await readOn.click()
  await page.getByText(/^1\d\d,\d+ lines/).waitFor()
  await readOn.waitFor()
  assert.ok(answers < 60, `${answers} answers`)
  assert.ok((await page.locator('.line').count()) < 200)
  await look(page, 'large-log')
  for (const width of [1440, 390]) {
    await page.setViewportSize({ width, height: 844 })
    const isCut = await page.evaluate<boolean>(`(() => {
      const place = [...document.querySelectorAll('.line .place')].at(-1)
      const range = document.createRange()
      range.selectNodeContents(place)
      return range.getBoundingClientRect().left < place.getBoundingClientRect().left
    })()`)
    assert.equal(isCut, false, `at ${width}`)
  }
  assert.deepEqual(complaints, [])
})
