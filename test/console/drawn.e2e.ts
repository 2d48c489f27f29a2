import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Page } from 'playwright-core'
import { DRAWN_PROJECT } from './drawn-project.ts'
import { look, openSigned, serveFiles } from './serve.ts'

const DAY = '<b>bold</b> \u202elanoitcerid\u200b '.padEnd(200, 'x')

it('draws runs', async (test) => {
  const served = await serveFiles(test, DRAWN_PROJECT)
  const visits = await served.start('visits', { day: DAY })
  const fan = await served.start('fan', { width: 10_000 })
  const many = await served.start('many', {})
  await served.follow([visits, fan, many])

  await test.test('the graph of a small run, task by task, with hostile names as text', async () => {
    const { page, complaints } = await openSigned(served, `/runs/${visits}/graph`)
    const nodes = page.getByRole('table', { name: 'Nodes' })
    await nodes.getByText('Geo(day=<b>bold</b> \\u202e').first().waitFor()
    await waitForDrawing(page)
    await look(page, 'graph-tasks')
    await page.getByRole('link', { name: 'Families' }).click()
    await nodes.getByRole('link', { name: 'Parse' }).waitFor()
    await waitForDrawing(page)
    await look(page, 'graph-families')
    await nodes.getByRole('link', { name: 'Parse' }).click()
    await page.getByText('6 tasks of 6.').waitFor()
    await waitForDrawing(page)
    await look(page, 'graph-family')
    await nodes
      .getByRole('link', { name: /^graph around Parse/ })
      .first()
      .click()
    await page.getByText('It needs 1 task, and 5 tasks need it').waitFor()
    assert.deepEqual(complaints, [])
  })

  await test.test('moves and zooms by keys and mouse, and opens what is clicked', async () => {
    const { page, complaints } = await openSigned(served, `/runs/${visits}/graph?view=families`)
    const drawing = page.getByRole('application')
    await waitForDrawing(page)
    await drawing.focus()
    await page.keyboard.press('0')
    await page.evaluate('new Promise(requestAnimationFrame)')
    const before = await readPixels(page)
    for (const key of ['+', 'ArrowLeft', 'ArrowDown']) await page.keyboard.press(key)
    await waitUntil(page, `document.querySelector('canvas').toDataURL() !== ${JSON.stringify(before)}`)
    await page.keyboard.press('0')
    await waitUntil(page, `document.querySelector('canvas').toDataURL() === ${JSON.stringify(before)}`)
    const box = await drawing.boundingBox()
    assert.ok(box)
    // The root is at the right edge of the drawing, in its middle.
    await page.mouse.move(box.x + box.width - 100, box.y + box.height / 2)
    await page.locator('canvas[title^="Report"]').waitFor()
    await page.mouse.click(box.x + box.width - 100, box.y + box.height / 2)
    await page.waitForURL(/family=Report/)
    await page.keyboard.press('Escape')
    await page.waitForURL((url) => url.pathname === `/runs/${visits}`)
    assert.deepEqual(complaints, [])
  })

  await test.test(
    'a task with 10,000 upstreams, of which some are shown and the rest is counted',
    async () => {
      const { page, complaints } = await openSigned(served, `/runs/${fan}/graph?task=Fan`)
      await page.getByText('It needs 10,001 tasks').waitFor()
      await waitForDrawing(page)
      await look(page, 'graph-cone')
      await page.getByRole('link', { name: 'Upstream', exact: true }).click()
      await page.getByText('100 tasks of 10,000.').waitFor()
      await page.getByRole('link', { name: 'Next 100' }).click()
      await page.getByRole('link', { name: 'First 100' }).waitFor()
      assert.deepEqual(complaints, [])
    },
  )

  await test.test('the timeline of a run, of which a span is drawn with the mouse', async () => {
    const { page, complaints } = await openSigned(served, `/runs/${visits}/timeline`)
    await page.getByText('16 tasks in').waitFor()
    await waitForDrawing(page)
    await look(page, 'timeline')
    const strip = await page.getByRole('img', { name: /ran at once/ }).boundingBox()
    assert.ok(strip)
    await page.mouse.move(strip.x + strip.width * 0.02, strip.y + 20)
    await page.mouse.down()
    await page.mouse.move(strip.x + strip.width * 0.4, strip.y + 20)
    await page.mouse.up()
    await page.waitForURL(/from=\d+&to=\d+/)
    await waitForDrawing(page)
    await look(page, 'timeline-span')
    await page.getByRole('link', { name: 'Whole run' }).click()
    await page.getByText('16 tasks in').waitFor()
    await page.goto(`${served.base}/runs/${visits}/timeline?family=Parse`)
    await page.getByText(/^6 tasks in .* of Parse$/).waitFor()
    assert.deepEqual(complaints, [])
  })

  await test.test('who holds a resource, and who waits for it', async () => {
    await served.start('queries', {})
    const { page, complaints } = await openSigned(served)
    await page.getByRole('link', { name: 'resource database' }).waitFor()
    await page.getByText(/1 of 1 held, \d+ tasks? waiting/).waitFor()
    await look(page, 'overview-tight')
    await page.getByRole('link', { name: 'Limits' }).click()
    await page.getByText('1 of 1 held').waitFor()
    await page.getByText('10 reserved').waitFor()
    await page.getByRole('link', { name: 'Who uses the resource database' }).click()
    await page
      .getByRole('table', { name: 'Tasks that hold it' })
      .getByText(/^Query/)
      .waitFor()
    await page
      .getByRole('table', { name: 'Tasks that wait' })
      .getByText(/^Query/)
      .waitFor()
    await look(page, 'limits')
    await page.getByRole('link', { name: 'Who uses the pool default' }).click()
    await page.getByText('1 place').waitFor()
    assert.deepEqual(complaints, [])
  })

  await test.test('the history of a pipeline as a grid', async () => {
    const { page, complaints } = await openSigned(served)
    await page.getByRole('link', { name: 'visits', exact: true }).first().click()
    const grid = page.getByRole('table', { name: 'Runs by interval and task family' })
    await grid.getByRole('link', { name: /^Parse: 6 succeeded/ }).waitFor()
    await page.getByText('pipelines/drawn.ts').waitFor()
    await page.getByText('1 run of 1').waitFor()
    await look(page, 'pipeline')
    await grid.getByRole('link', { name: /^Geo: 1 failed/ }).click()
    await page.waitForURL(/graph\?family=Geo/)
    assert.deepEqual(complaints, [])
  })

  await test.test('a thousand families', async () => {
    const { page, complaints } = await openSigned(served, `/runs/${many}/graph`)
    await page.getByText('1,002 families.').waitFor()
    await waitForDrawing(page)
    await look(page, 'graph-many')
    assert.ok((await page.locator('[role=row]').count()) < 80, 'only rows in sight are drawn')
    assert.deepEqual(complaints, [])
  })
})

const DRAWN = `((canvas = document.querySelector('canvas')) => canvas !== null && canvas.width > 0 &&
  canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value !== 0))()`

/** Waits until the canvas shows something. */
const waitForDrawing = (page: Page) => waitUntil(page, DRAWN)

/** Looks after each frame; through the debugger, because the policy of the page lets no text be a script. */
async function waitUntil(page: Page, condition: string): Promise<void> {
  while (!(await page.evaluate<boolean>(condition))) await page.evaluate('new Promise(requestAnimationFrame)')
}

const readPixels = (page: Page) => page.evaluate<string>("document.querySelector('canvas').toDataURL()")
