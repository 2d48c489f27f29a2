import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { TestContext } from 'node:test'
import type { Page } from 'playwright-core'
import { openSigned, serveProject } from '../test/console/serve.ts'
import { testProject } from '../test/support/cli.ts'

/** Takes a figure. */
export type Note = (what: string, value: number, unit: string) => void

const PROJECT = {
  'pipelines/some.ts': `
import { pipeline, task } from 'sluice'
import { z } from 'zod'
export const logged = pipeline('logged', task('Logged', {}, async () => 1))
const Step = task('Step', { params: { number: z.number() } }, async () => 1)
export const busy = pipeline('busy', task('Busy', { requires: () => Array.from({ length: 10_000 }, (_, number) => Step({ number })) }, async () => 1))
`,
}

const LINES = 8_960_000
const PIECE = 80_000
const MB = 1_000_000

/** Opens a log of 1 GB, reads on, and searches a text that is in its last line alone. */
export async function measureLog(test: TestContext, note: Note): Promise<void> {
  const project = testProject(test, PROJECT)
  const served = await serveProject(project)
  const run = await served.start('logged', {})
  await served.follow([run])
  note('log: size', writeLog(project.path(`.sluice/logs/${run}/0.1.jsonl`)) / MB, 'MB')
  const { page } = await openSigned(served)
  const counted = countAnswers(page, '/logs')
  let start = performance.now()
  const passed = () => (performance.now() - start) / 1000
  await page.goto(`${served.base}/runs/${run}/tasks/0/log`)
  await page.locator('.line').first().waitFor()
  note('log: first line', passed(), 's')
  await page.getByRole('button', { name: 'Read on' }).waitFor({ timeout: 60_000 })
  note('log: 50,000 lines', passed(), 's')
  note('log: answers for them', counted.take(), 'answers')
  await noteMemory('log: 50,000 lines', page, note)
  start = performance.now()
  await page.getByLabel('Search').fill(`line ${LINES - 1} of`)
  await page.getByText(/^1 hit · /).waitFor({ timeout: 600_000 })
  await page.getByText(/^1 hit · [\d,]+ lines looked through$/).waitFor({ timeout: 600_000 })
  note('log: searched whole', passed(), 's')
  note('log: answers of the search', counted.take(), 'answers')
  await noteMemory('log: a hit', page, note)
  await page.close()
}

/** Writes lines as a runner does; returns how many bytes there are. */
function writeLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true })
  const file = openSync(path, 'a')
  let bytes = 0
  for (let from = 0; from < LINES; from += PIECE) {
    const lines = Array.from({ length: PIECE }, (_, index) => {
      const text = `line ${from + index} of a log that goes on and on, and says little, as long logs do`
      return `${JSON.stringify({ at: from + index, level: 'info', text })}\n`
    })
    bytes += writeSync(file, lines.join(''))
  }
  closeSync(file)
  return bytes
}

/** Stays on the page of a run while 10,000 tasks start and end. */
export async function measureEvents(test: TestContext, note: Note): Promise<void> {
  const served = await serveProject(testProject(test, PROJECT), '--inline', '--concurrency', '8')
  const { page } = await openSigned(served)
  const counted = countAnswers(page, '/v1/')
  const run = await served.start('busy', {})
  await page.goto(`${served.base}/runs/${run}`)
  await page.getByRole('link', { name: /^Step/ }).first().waitFor()
  await noteMemory('20,000 events: at the beginning', page, note)
  counted.take()
  const start = performance.now()
  await served.follow([run])
  note('20,000 events: in', (performance.now() - start) / 1000, 's')
  await page.getByText('Took').first().waitFor()
  await page.getByText('10,001').first().waitFor({ timeout: 60_000 })
  await noteMemory('20,000 events: at the end', page, note)
  note('20,000 events: requests of the page', counted.take(), 'requests')
  await page.close()
}

/** Counts answers whose path contains a text. */
function countAnswers(page: Page, path: string) {
  let count = 0
  page.on('response', (response) => {
    if (response.url().includes(path)) count += 1
  })
  return {
    take() {
      const taken = count
      count = 0
      return taken
    },
  }
}

/** What a page holds after its garbage was collected. */
async function noteMemory(what: string, page: Page, note: Note): Promise<void> {
  const session = await page.context().newCDPSession(page)
  await session.send('HeapProfiler.collectGarbage')
  await session.send('Performance.enable')
  const { metrics } = await session.send('Performance.getMetrics')
  const heap = metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? Number.NaN
  note(`${what}, heap`, heap / MB, 'MB')
  note(`${what}, elements`, await page.evaluate<number>("document.querySelectorAll('*').length"), 'elements')
}
