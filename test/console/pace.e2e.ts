import assert from 'node:assert/strict'
import { userInfo } from 'node:os'
import { it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { look, openSigned, serveFiles } from './serve.ts'

const PROJECT = {
  'pipelines/slow.ts': `
import { external, pipeline, task, text } from 'sluice'
import { z } from 'zod'
const Gate = external('Gate', { output: () => text('gate.txt'), pollSeconds: 3_600 })
export const gated = pipeline('gated', task('Gated', { requires: () => Gate() }, async () => 1))
export const endless = pipeline('endless', task('Endless', {}, ({ signal }) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))))))
`,
}
const HOUR_MS = 3_600_000

/** Sets the clock of the browser, as its owner has, and of this page alone. */
const setViewerClock = (page: Page, aheadMs: number) =>
  page.addInitScript((ms) => {
    const now = Date.now
    Date.now = () => now() + ms
  }, aheadMs)

/** How often the page asks for a path from now on. */
function countRequests(page: Page, path: string): () => number {
  let count = 0
  page.on('request', (request) => {
    if (new URL(request.url()).pathname === path) count++
  })
  return () => count
}

for (const [name, aheadMs] of [
  ['ahead', 5 * HOUR_MS],
  ['behind', -5 * HOUR_MS],
] as const)
  it(`tells durations by the clock of Sluice where that of the viewer is hours ${name}, and stays live`, async (test) => {
    const served = await serveFiles(test, PROJECT)
    const run = await served.start('gated', {})
    const { page, complaints } = await openSigned(served)
    await setViewerClock(page, aheadMs)
    await page.goto(`${served.base}/runs/${run}`)
    const took = page.locator('.facts div', { has: page.locator('dt', { hasText: /^Took$/ }) }).locator('dd')
    await took.waitFor()
    assert.match(await took.innerText(), /^[\d.]+ m?s$/)
    const streamed = page.waitForResponse((response) => response.url().includes('/v1/events'))
    await page.reload()
    assert.match((await streamed).url(), /since=\d+/)
    const since = Number(new URL((await streamed).url()).searchParams.get('since'))
    assert.ok(Math.abs(since - Date.now()) < 60_000)
    const other = await openSigned(served, `/runs/${run}`)
    await other.page.getByRole('button', { name: 'Cancel' }).click()
    await other.page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
    await page.locator('.facts .status.s-cancelled').waitFor()
    assert.equal(await page.getByText(`UTC by ${userInfo().username}`).count(), 2)
    await look(page, `cancelled-${name}`)
    assert.deepEqual(complaints, [])
  })

it('shows what was refused, and does not ask for it again', async (test) => {
  const served = await serveFiles(test, PROJECT)
  const { page } = await openSigned(served)
  for (const [path, asked, says] of [
    ['/runs?status=none', '/v1/runs', /The request is wrong/],
    ['/runs/none/tasks/0', '/v1/runs/none/tasks', /No run is called/],
  ] as const) {
    await page.clock.install()
    const asks = countRequests(page, asked)
    await page.goto(served.base + path)
    await page.getByText(says).first().waitFor()
    const before = asks()
    assert.ok(before > 0, asked)
    await page.clock.runFor(10 * 60_000)
    assert.equal(asks(), before, asked)
  }
})

it('asks a deployment that says the same ever more rarely', async (test) => {
  const served = await serveFiles(test, PROJECT)
  const { page } = await openSigned(served)
  await page.route('**/v1/server', async (route) => {
    const answer = await (await route.fetch()).json()
    const deployment = { environment: 'prod', stack: 's', region: 'eu-west-1', account: '1', identity: 'arn' }
    await route.fulfill({ json: { ...answer, deployment } })
  })
  await page.clock.install()
  await page.goto(`${served.base}/`)
  await page.getByText('prod').waitFor()
  const asks = countRequests(page, '/v1/pipelines')
  let open = 0
  page.on('request', () => open++)
  page.on('requestfinished', () => open--)
  page.on('requestfailed', () => open--)
  // As often as on this machine it would ask with each step.
  const STEPS = 40
  for (let step = 0; step < STEPS; step++) {
    await page.clock.runFor(3_000)
    while (open > 0) await setImmediate()
  }
  assert.ok(asks() >= 4 && asks() <= STEPS / 3, String(asks()))
})
