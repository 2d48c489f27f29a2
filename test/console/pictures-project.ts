/** A small shop whose days are reported: some days went well, and one failed. */
export const SHOP = {
  'pipelines/sales.ts': `
import { daily, json, jsonLines, pipeline, task } from 'sluice'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'

const day = { params: { date: z.iso.date().describe('The day that is reported') } }
const path = (name) => ({ date }) => jsonLines(\`\${name}/\${date}.jsonl\`)

const Orders = task('Orders', { ...day, output: path('orders') }, async ({ output, log }) => {
  log.info('asked the shop for its orders')
  await sleep(300)
  await output.write([{ id: 1 }])
})
const Visits = task('Visits', { ...day, output: path('visits') }, async ({ output, log }) => {
  log.info('read 24 files of the web server')
  await sleep(500)
  await output.write([{ page: '/' }])
})
const Prices = task('Prices', { ...day, output: path('prices'), retry: { attempts: 2, delaySeconds: 0 } }, async ({ output, log, params }) => {
  log.info('asks the price list of ' + params.date)
  if (params.date === '2026-05-08') {
    log.warn('the price list has no currency for 3 articles')
    log.error('the price list ends in the middle of a line')
    throw new Error('prices.csv: line 1204 has 3 fields instead of 7')
  }
  await output.write([{ article: 1, price: 5 }])
})
const Revenue = task('Revenue', { ...day, requires: (params) => [Orders(params), Prices(params)], output: path('revenue') }, async ({ output }) => {
  await sleep(200)
  await output.write([{ total: 5 }])
})
const Sessions = task('Sessions', { ...day, requires: (params) => [Visits(params)], output: path('sessions') }, async ({ output }) => {
  await sleep(400)
  await output.write([{ visitor: 1 }])
})
const Report = task('Report', { ...day, requires: (params) => [Revenue(params), Sessions(params)], output: ({ date }) => json(\`reports/\${date}.json\`) },
  async ({ output }) => output.write({ revenue: 5 }))

export const sales = pipeline('sales', Report, {
  description: 'Revenue and visits of a day in one report',
  schedule: daily({ timeZone: 'UTC' }),
  params: ({ date }) => ({ date }),
})
`,
}
