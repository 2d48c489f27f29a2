import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import Table from 'easy-table'
import type { Page } from 'playwright-core'
import { buildConsole } from '../console/build.ts'
import { openSigned, type ServedProject, serveFiles } from '../test/console/serve.ts'
import { measureEvents, measureLog, type Note } from './console-log.ts'

/**
 * `npm run bench:console [-- --only PART] [-- --json FILE]` opens the console of `sluice dev` in Chromium. `pages`, the default: over a
 * run of 100,000 tasks and one of 1,000 families, how long pages take, how fluid graphs are, and what an idle page costs. `log`: a log of
 * 1 GB. `events`: memory while 20,000 events come. `--only` may be given several times.
 */
const { values } = parseArgs({
  options: { json: { type: 'string' }, only: { type: 'string', multiple: true, default: ['pages'] } },
})

const PROJECT = {
  'pipelines/large.ts': `
import { pipeline, task } from 'sluice'
import { z } from 'zod'

// Nothing runs but the first task, which fails: what is measured is the console.
const Base = task('Base', {}, async () => { throw new Error('as it has to') })
const layers = [Base]
for (let n = 0; n < 50; n++) {
  const before = layers.at(-1)
  layers.push(task('Layer' + n, { params: { number: z.number() }, requires: ({ number }) =>
    n === 0 ? Base() : [0, 7, 14].map((more) => before({ number: (number + more) % 2_000 })) }, async () => 1))
}
export const large = pipeline('large', task('Large', { requires: () => Array.from({ length: 2_000 }, (_, number) => layers.at(-1)({ number })) }, async () => 1))

const families = []
for (let n = 0; n < 1_000; n++) {
  const before = families.slice(Math.max(0, n - 40), n - 20).filter((_, at) => (n + at) % 7 === 0)
  families.push(task('Family' + n, { requires: () => [Base(), ...before.map((each) => each())] }, async () => 1))
}
export const many = pipeline('many', task('Many', { requires: () => families.map((each) => each()) }, async () => 1))
`,
}

const MINUTE_MS = 60_000
const MOVED_MS = 5_000

const DRAWN = `((canvas = document.querySelector('canvas')) => canvas !== null && canvas.width > 0 &&
  canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value !== 0))()`

/** Moves the drawing with every frame, as a hand does; returns how many frames there were. */
const MOVE = `new Promise((resolve) => {
  const canvas = document.querySelector('canvas')
  const { left, top } = canvas.getBoundingClientRect()
  const send = (type, x, y) => canvas.dispatchEvent(new PointerEvent(type,
    { pointerId: 1, button: 0, clientX: left + x, clientY: top + y, bubbles: true }))
  canvas.setPointerCapture = () => {}
  send('pointerdown', 400, 300)
  const start = performance.now()
  let frames = 0
  const step = () => {
    const passed = performance.now() - start
    if (passed > ${MOVED_MS}) { send('pointerup', 400, 300); resolve(frames / passed * 1000); return }
    frames += 1
    send('pointermove', 400 + 150 * Math.sin(passed / 400), 300 + 100 * Math.cos(passed / 300))
    requestAnimationFrame(step)
  }
  requestAnimationFrame(step)
})`

const rows: { what: string; value: number; unit: string }[] = []
const note: Note = (what, value, unit) => {
  rows.push({ what, value: Math.round(value * 10) / 10, unit })
}

/** The median of five times that opening a page takes until something is there. */
async function measureOpening(
  what: string,
  page: Page,
  url: string,
  isThere: (page: Page) => Promise<unknown>,
): Promise<void> {
  const times: number[] = []
  for (let time = 0; time < 5; time++) {
    const start = performance.now()
    await page.goto(url)
    await isThere(page)
    times.push(performance.now() - start)
  }
  note(`${what}, the first time`, times[0] ?? 0, 'ms')
  note(`${what}, median of 5`, times.sort((a, b) => a - b)[2] ?? 0, 'ms')
}

const waitForDrawing = async (page: Page) => {
  while (!(await page.evaluate<boolean>(DRAWN))) await page.evaluate('new Promise(requestAnimationFrame)')
}

async function measureFrames(what: string, page: Page): Promise<void> {
  await waitForDrawing(page)
  note(what, await page.evaluate<number>(MOVE), 'frames/s')
}

/** What a page that nobody touches receives in a minute. */
async function measureIdle(what: string, served: ServedProject, path: string): Promise<void> {
  const { page } = await openSigned(served, path)
  await page.getByRole('heading').first().waitFor()
  await page.waitForLoadState('networkidle')
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  let bytes = 0
  session.on('Network.dataReceived', ({ encodedDataLength, dataLength }) => {
    bytes += encodedDataLength || dataLength
  })
  await wait(MINUTE_MS)
  note(what, bytes / 1000, 'kB/min')
  await page.close()
}

async function measurePages(test: TestContext): Promise<void> {
  const served = await serveFiles(test, PROJECT)
  const [large, many] = [await served.start('large', {}), await served.start('many', {})]
  await served.follow([large, many])
  const { page } = await openSigned(served)
  const { base } = served
  await measureOpening('overview: until it can be used', page, `${base}/`, (each) =>
    each.getByRole('link', { name: 'large' }).first().waitFor(),
  )
  await measureOpening('run of 100,000 tasks: first row', page, `${base}/runs/${large}`, (each) =>
    each
      .getByRole('link', { name: /^Layer/ })
      .first()
      .waitFor(),
  )
  await measureOpening('run of 100,000 tasks: graph', page, `${base}/runs/${large}/graph`, waitForDrawing)
  await measureFrames('graph of 52 families, moved', page)
  await page.goto(`${base}/runs/${large}/graph?family=Layer25`)
  await measureFrames('graph of 100 tasks, moved', page)
  await measureOpening('1,000 families: graph', page, `${base}/runs/${many}/graph`, waitForDrawing)
  await measureFrames('graph of 1,000 families, moved', page)
  await page.close()
  await Promise.all([
    measureIdle('overview, idle', served, '/'),
    measureIdle('page of a run that has ended, idle', served, `/runs/${large}`),
  ])
}

const PARTS: { [name: string]: (test: TestContext, note: Note) => Promise<void> } = {
  pages: measurePages,
  log: measureLog,
  events: measureEvents,
}

it('measures the console', async (test) => {
  const unknown = values.only.filter((name) => PARTS[name] === undefined)
  if (unknown.length > 0)
    throw new Error(`There is no part ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}.`)
  const folder = join(import.meta.dirname, '../dist/console')
  note('all files after gzip', (await buildConsole(folder)) / 1000, 'kB')
  for (const name of new Set(values.only)) await PARTS[name]?.(test, note)
  const table = new Table()
  for (const { what, value, unit } of rows) {
    table.cell('console', what)
    table.cell('measured', value, Table.number(1))
    table.cell('', unit)
    table.newRow()
  }
  console.log(table.toString())
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`)
})
