import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { it } from 'node:test'
import { testProject } from '../support/cli.ts'
import { openPage } from './browser.ts'
import { FAILS } from './fails-project.ts'
import { look, openSigned, serveProject } from './serve.ts'

it('opens by the file of --open, and by a link from elsewhere', async (test) => {
  const project = testProject(test, { 'pipelines/fails.ts': FAILS })
  for (const name of ['xdg-open', 'open']) {
    project.write(`bin/${name}`, '#!/bin/sh\ncp "$1" opened.html\n')
    chmodSync(project.path(`bin/${name}`), 0o755)
  }
  const path = process.env.PATH
  process.env.PATH = `${project.path('bin')}:${path}`
  const served = await serveProject(project, '--open')
  process.env.PATH = path
  const { page, complaints } = await openPage()
  await page.goto(`file://${project.path('opened.html')}`)
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  await page.getByRole('heading', { name: 'fails' }).waitFor()
  assert.equal(page.url(), `${served.base}/`)
  // A mail or a wiki in the browser, and a link in it.
  writeFileSync(project.path('wiki.html'), `<a href="${served.base}/runs">runs</a>`)
  await page.goto(`file://${project.path('wiki.html')}`)
  await page.getByRole('link', { name: 'runs' }).click()
  await page.getByText('No run yet.').waitFor()
  assert.deepEqual(complaints, [])
})

it('shows no button that acts with --read-only, and still plans', async (test) => {
  const project = testProject(test, { 'pipelines/fails.ts': FAILS })
  assert.equal((await project.sluice('run', 'fails', '-p', 'name=a')).code, 1)
  const served = await serveProject(project, '--read-only')
  const { page, complaints } = await openSigned(served)
  await page.getByText('read only').waitFor()
  await page.getByRole('link', { name: 'Plan fails' }).waitFor()
  const acts = page.getByRole('button', { name: /Start|Pause|Resume|Retry|Cancel|Mark|Run it/ })
  assert.equal(await acts.count(), 0)
  await look(page, 'read-only')
  await page
    .getByRole('link', { name: /^fails-/ })
    .first()
    .click()
  await page.getByRole('button', { name: '1 failed' }).waitFor()
  assert.equal(await acts.count(), 0)
  await page
    .getByRole('link', { name: /^Fails\(/ })
    .first()
    .click()
  await page.getByRole('heading', { name: 'Why it failed' }).waitFor()
  assert.equal(await acts.count(), 0)
  await page.goto(`${served.base}/pipelines/fails/start`)
  await page.getByRole('heading', { name: 'Plan a run: fails' }).waitFor()
  await page.getByLabel('name').fill('b')
  await page.getByLabel('name').press('Enter')
  await page.getByText('Fails(name=b)').waitFor()
  assert.equal(await acts.count(), 0)
  assert.deepEqual(complaints, [])
})
