import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Page } from 'playwright-core'
import { testProject } from '../support/cli.ts'
import { look, openSigned, serveProject } from './serve.ts'

const FILES = {
  'pipelines/days.ts': `
import { existsSync } from 'node:fs'
import { daily, day, pipeline, quarterHourly, task, text } from 'sluice'
import { z } from 'zod'
const Day = task('Day', { params: { date: day() }, output: ({ date }) => text(\`days/\${date}.txt\`), retry: { attempts: 1 } }, async ({ params, output }) => {
  if (params.date === '2026-02-02' && !existsSync('mended')) throw new Error('no rows')
  await output.write(params.date)
})
export const days = pipeline('days', Day, { schedule: daily(), params: ({ date }) => ({ date }) })
const Held = task('Held', { params: { date: day() }, output: ({ date }) => text(\`held/\${date}.txt\`) }, async ({ params, output }) => {
  while (!existsSync('released')) await new Promise((go) => setTimeout(go, 20))
  await output.write(params.date)
})
export const held = pipeline('held', Held, { schedule: daily(), params: ({ date }) => ({ date }) })
const Quarter = task('Quarter', { params: { quarter: z.string() }, output: ({ quarter }) => text(\`quarters/\${quarter.replace(':', '')}.txt\`) },
  async ({ output, params }) => output.write(params.quarter))
export const quarters = pipeline('quarters', Quarter, { schedule: quarterHourly(), params: ({ quarter }) => ({ quarter }) })
export const plain = pipeline('plain', Day)`,
}

/** Waits until the page says this beside the name of a fact. */
const waitForFact = (page: Page, name: string, value: string) =>
  page
    .locator('dl.facts > div', { has: page.getByText(name, { exact: true }) })
    .locator('dd', { hasText: new RegExp(`^${value}$`) })
    .waitFor()

it('fills intervals of the past by a form', async (test) => {
  const project = testProject(test, FILES)
  const served = await serveProject(project)
  await served.follow([await served.start('days', { date: '2026-02-03' })])

  await test.test('says beside each field what is wrong with a span', async () => {
    const { page } = await openSigned(served, '/pipelines/days')
    await page.getByRole('link', { name: 'Backfill' }).click()
    await page.getByRole('heading', { name: 'Backfill: days' }).waitFor()
    const [from, to, preview] = [
      page.getByLabel('From'),
      page.getByLabel('To', { exact: true }),
      page.getByRole('button', { name: /^Preview/ }),
    ]
    await preview.click()
    assert.equal(await page.getByText('is required', { exact: true }).count(), 2)
    assert.equal(await page.evaluate('document.activeElement.id'), 'field-from')
    await from.fill('2026-02-05')
    await to.fill('2026-02-01')
    await page.getByLabel('Runs at once').fill('0')
    await preview.click()
    await page.getByText('takes a whole number from 1 to 100').waitFor()
    await page.getByLabel('Runs at once').fill('2')
    await preview.click()
    await page.getByText('is after 2026-02-01', { exact: true }).waitFor()
    assert.equal(await from.getAttribute('aria-invalid'), 'true')
    assert.equal(await to.getAttribute('aria-invalid'), 'false')
    await look(page, 'backfill-wrong')
    await from.fill('2026-02-01')
    await to.fill('2999-01-01')
    await preview.click()
    await page.getByText(/^the interval \S+ has not ended yet$/).waitFor()
    // The field is focused after the text is drawn.
    await page.locator('#field-to:focus').waitFor()
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await page.getByRole('heading', { name: 'days', exact: true }).waitFor()
  })

  await test.test('shows what would run, runs it, and the grid has it', async () => {
    const { page, complaints } = await openSigned(served, '/pipelines/days/backfill')
    await page.getByLabel('From').fill('2026-02-01')
    await page.getByLabel('To', { exact: true }).fill('2026-02-05')
    await page.keyboard.press('Enter')
    await waitForFact(page, 'Would be started', '4')
    await waitForFact(page, 'Intervals', '5')
    await waitForFact(page, 'Complete', '1')
    assert.match(page.url(), /from=2026-02-01&to=2026-02-05&runs=8$/)
    await look(page, 'backfill')
    await page.getByRole('button', { name: 'Start 4 runs' }).click()
    await page.getByText('1 run did not succeed: start the same span again to run it again.').waitFor()
    await waitForFact(page, 'Started', '4')
    await waitForFact(page, 'Were complete', '1')
    await waitForFact(page, 'Would be started', '1')
    await look(page, 'backfill-failed')
    project.write('mended', '')
    await page.getByRole('button', { name: 'Start 1 run' }).click()
    await page.getByText('Done: every interval is complete, or its run has succeeded.').waitFor()
    await page.getByText('Everything is complete, so there is nothing to start.').waitFor()
    await page.getByRole('link', { name: 'Show the grid' }).click()
    const cells = page.getByRole('table', { name: 'Runs by interval and task family' })
    await cells
      .getByRole('link', { name: /: succeeded, took/ })
      .nth(4)
      .waitFor()
    await cells.getByRole('link', { name: /: succeeded, took .*, 2 runs$/ }).waitFor()
    assert.deepEqual(complaints, [])
  })

  await test.test(
    'goes on while other pages are looked at, and after it was closed in the middle',
    async () => {
      const { page, complaints } = await openSigned(
        served,
        '/pipelines/held/backfill?from=2026-03-01&to=2026-03-05&runs=2',
      )
      await page.getByRole('button', { name: 'Start 5 runs' }).click()
      await page.getByRole('heading', { name: ': 2 of 5 intervals' }).waitFor()
      await page.getByText('Keep this tab open').waitFor()
      await look(page, 'backfill-underway')
      await page.getByRole('link', { name: 'Show the grid' }).click()
      await page.getByRole('link', { name: 'Backfill held: 2 of 5' }).click()
      await page.getByRole('button', { name: 'Stop' }).click()
      await page.getByText('No more runs are started').waitFor()
      await waitForFact(page, 'Have an open run', '2')
      await page.getByRole('button', { name: 'Go on' }).click()
      await page.getByText('Keep this tab open').waitFor()
      await waitForFact(page, 'Had an open run', '2')
      const asked = new Promise<string>((tell) =>
        page.once('dialog', (dialog) => {
          tell(dialog.type())
          void dialog.accept()
        }),
      )
      await page.reload()
      assert.equal(await asked, 'beforeunload')
      await waitForFact(page, 'Would be started', '3')
      await page.getByRole('button', { name: 'Start 3 runs' }).click()
      await page.getByRole('heading', { name: ': 2 of 5 intervals' }).waitFor()
      project.write('released', '')
      await page.getByText('Done: every interval is complete, or its run has succeeded.').waitFor()
      await waitForFact(page, 'Complete', '5')
      assert.deepEqual(complaints, [])
    },
  )

  await test.test('counts a long span by pages, and refuses one that is too long', async () => {
    const { page } = await openSigned(served)
    let pages = 0
    page.on('request', (request) => {
      if (request.url().includes('/intervals?')) pages += 1
    })
    await page.goto(`${served.base}/pipelines/quarters/backfill?from=2026-01-01&to=2026-01-21T23`)
    await waitForFact(page, 'Would be started', '2,016')
    assert.equal(pages, 3)
    await page.getByLabel('To', { exact: true }).fill('2026-06-30')
    await page.keyboard.press('Enter')
    await page.getByText('the range has more than 10000 intervals: name an earlier end').waitFor()
    await page.goto(`${served.base}/pipelines/plain/backfill`)
    await page.getByText('It has no schedule, so it has no intervals.').waitFor()
    await page.goto(`${served.base}/pipelines/plain`)
    await page.getByRole('link', { name: 'Start a run' }).first().waitFor()
    assert.equal(await page.getByRole('link', { name: 'Backfill' }).count(), 0)
  })
})

it('shows what a backfill would run, and no button, when it may only read', async (test) => {
  const served = await serveProject(testProject(test, FILES), '--read-only')
  const { page, complaints } = await openSigned(served, '/pipelines/days')
  await page.getByRole('link', { name: 'Plan a run' }).waitFor()
  assert.equal(await page.getByRole('link', { name: 'Backfill' }).count(), 0)
  await page.goto(`${served.base}/pipelines/days/backfill?from=2026-02-01&to=2026-02-05`)
  await waitForFact(page, 'Would be started', '5')
  assert.equal(await page.getByRole('button', { name: /^Start/ }).count(), 0)
  assert.deepEqual(complaints, [])
})
