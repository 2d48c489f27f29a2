import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { testProject } from '../support/cli.ts'
import { projectFolder, temporaryFolder } from '../support/folders.ts'
import { SHOP } from './pictures-project.ts'
import { look, openSigned, serveProject } from './serve.ts'

/** Where the pictures are kept: the documentation's with `npm run docs:pictures`. */
const FOLDER = process.env.SLUICE_PICTURES
/** When the first run of the pictures began, so that they show the same times whenever they are made. */
const BEGAN = Date.UTC(2026, 4, 9, 6)
/** What the clock of the page says. */
const NOW = BEGAN + 600_000
/** When the schedule would fire next. */
const NEXT = Date.UTC(2026, 4, 10)
const FAILED_DAY = '2026-05-08'

it('makes every picture that the documentation shows', async (test) => {
  const folder = FOLDER ?? temporaryFolder(test)
  mkdirSync(folder, { recursive: true })
  const project = testProject(test, SHOP)
  const range = ['--from', '2026-05-04', '--to', FAILED_DAY, '--max-active-runs', '1']
  assert.equal((await project.sluice('backfill', 'sales', ...range)).code, 1)
  const served = await serveProject(project)
  const { page, complaints } = await openSigned(served)
  await fixAnswers(page, project.folder)
  const take = async (
    name: string,
    path: string,
    isThere: string,
    colorScheme: 'light' | 'dark' = 'light',
  ) => {
    await page.goto(served.base + path)
    await page.getByText(isThere).first().waitFor()
    if (/graph|timeline/.test(path)) while (!(await page.evaluate(DRAWN))) await setImmediate()
    await look(page, `picture-${name}`)
    await page.emulateMedia({ colorScheme })
    await page.screenshot({ path: join(folder, `${name}.png`) })
  }
  await take('overview', '/', 'Open failures')
  const run =
    (await page
      .getByRole('link', { name: /^sales-/ })
      .first()
      .textContent()) ?? ''
  await take('pipeline', '/pipelines/sales', 'History')
  await take('plan', '/pipelines/sales/plan?p.date=2026-05-09', 'Report(date=2026-05-09)')
  await take('run', `/runs/${run}`, 'prices.csv: line # has # fields')
  await take('run-dark', `/runs/${run}`, 'prices.csv: line # has # fields', 'dark')
  await take('graph', `/runs/${run}/graph`, 'Prices')
  await take('timeline', `/runs/${run}/timeline`, 'Visits')
  const task = await page.goto(`${served.base}/runs/${run}`).then(() =>
    page
      .getByRole('link', { name: `Prices(date=${FAILED_DAY})` })
      .first()
      .getAttribute('href'),
  )
  await take('task', task ?? '', 'Why it failed')
  await take('log', `${task}/log`, 'ends in the middle of a line')
  assert.deepEqual(complaints, [])
  const made = readdirSync(folder).sort()
  const shown = ['README.md', 'docs/console.md'].flatMap((file) =>
    [...readFileSync(join(projectFolder, file), 'utf8').matchAll(/pictures\/([\w-]+\.png)/g)].map(
      ([, name = '']) => name,
    ),
  )
  assert.ok(shown.length > 0, 'the documentation shows pictures')
  for (const name of shown) assert.ok(made.includes(name), `${name} is made`)
  assert.deepEqual(readdirSync(join(projectFolder, 'docs/pictures')).sort(), [...new Set(shown)].sort())
})

const DRAWN = `((canvas = document.querySelector('canvas')) => canvas !== null && canvas.width > 0 &&
  canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value !== 0))()`

/**
 * Moves every instant of every answer, so that the first run began when pictures begin, and the clock of the page with them; and
 * names no folder, host or user of the machine on which they are taken.
 */
async function fixAnswers(page: Page, folder: string): Promise<void> {
  const now = Date.now()
  const isInstant = (value: unknown): value is number =>
    typeof value === 'number' && Math.abs(value - now) < 3_600_000
  const findFirst = (text: string) => {
    const all = [...text.matchAll(/\d{13}/g)].map(([each]) => Number(each)).filter(isInstant)
    return Math.min(...all)
  }
  const runs = await page.evaluate("fetch('/v1/runs').then((answer) => answer.text())")
  const first = findFirst(String(runs))
  const moveMs = BEGAN - first
  await page.clock.setFixedTime(NOW)
  await page.route('**/v1/**', async (route) => {
    if (route.request().url().includes('/v1/events')) return route.continue()
    const answer = await route.fetch()
    const text = await answer.text()
    const moved = JSON.parse(text, (name, value) => {
      if (name === 'nextAt') return NEXT
      if (name === 'worker') return 'laptop.1/1/1'
      if (name === 'startedBy') return { kind: 'user', name: 'ada' }
      if (isInstant(value)) return Math.round((value + moveMs) / 100) * 100
      if (typeof value !== 'string') return value
      return value
        .replaceAll(folder, '/home/ada/shop')
        .replaceAll(projectFolder, '/home/ada/shop/node_modules/sluice')
    })
    const headers = { ...answer.headers(), date: new Date(NOW).toUTCString() }
    return route.fulfill({ response: answer, headers, json: moved })
  })
}
