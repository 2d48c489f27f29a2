import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { testProject } from '../support/cli.ts'
import { blocksOf } from '../support/doc-blocks.ts'
import { projectFolder } from '../support/folders.ts'
import { look, openSigned, serveProject } from './serve.ts'

const library = pathToFileURL(join(projectFolder, 'src/project/resolve-self.ts')).href

it('shows the simulated month of the documentation', async (test) => {
  const code = blocksOf('docs/testing-tasks.md').filter(({ language }) => language === 'ts')
  const project = testProject(test, Object.fromEntries(code.map(({ note, text }) => [note, text])))
  execFileSync(process.execPath, ['--import', library, 'test/month.test.ts'], {
    cwd: project.folder,
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
    stdio: 'pipe',
  })
  const served = await serveProject(project, '--state', '.simulated')
  const { page, complaints } = await openSigned(served)

  await test.test('with a head that says so, and no button that acts', async () => {
    await page.getByRole('banner').getByText('simulated').waitFor()
    await page.getByText('400 of 10,000 left, its window turns in').waitFor()
    await look(page, 'simulated-overview')
    await page.getByRole('link', { name: 'reports' }).first().click()
    await page.getByRole('heading', { name: 'reports' }).waitFor()
    await page.getByRole('grid').or(page.getByRole('table')).first().waitFor()
    assert.equal(await page.getByRole('button', { name: /pause|resume|start|backfill/i }).count(), 0)
    await look(page, 'simulated-pipeline')
  })

  await test.test('with the run of the bad day, its timeline and the time of its task in parts', async () => {
    await page.goto(`${served.base}/runs?pipeline=reports`)
    await page.getByRole('row').filter({ hasText: '2026-03-10' }).getByRole('link').first().click()
    await page.getByRole('link', { name: 'Timeline' }).first().waitFor()
    await look(page, 'simulated-run')
    const run = page.url().split('?')[0]
    await page.goto(`${run}/timeline`)
    await page.getByRole('application').waitFor()
    await look(page, 'simulated-timeline')
    await page.goto(`${run}/tasks/0`)
    await page.getByText('the service is down').first().waitFor()
    await look(page, 'simulated-task')
    await page.goto(`${served.base}/limits`)
    await page.getByText('mag').first().waitFor()
    await look(page, 'simulated-limits')
    assert.deepEqual(complaints, [])
  })
})
