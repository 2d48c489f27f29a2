/** A project whose runs have all that the drawn pages show: layers of families, a thousand families, ten thousand upstreams. */
export const DRAWN_PROJECT = {
  'sluice.config.ts': `
import { defineConfig } from 'sluice'
export default defineConfig({
  pipelines: ['pipelines/*.ts'],
  resources: { database: { limit: 1 } },
  budgets: { api: { limit: 1_000, per: 'day', timeZone: 'UTC' } },
})
`,
  'pipelines/drawn.ts': `
import { cron, pipeline, task } from 'sluice'
import { z } from 'zod'

const day = { day: z.string() }
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const step = (name, requires, ms = 20) => task(name, { params: day, requires }, async () => { await pause(ms); return name })

const Fetch = task('Fetch', { params: { day: z.string(), part: z.number() } }, async () => { await pause(60) })
const Parse = task('Parse', { params: { day: z.string(), part: z.number() }, requires: ({ day, part }) => Fetch({ day, part }) }, async () => { await pause(40) })
const Sessions = task('Sessions', { params: day, requires: ({ day }) => [0, 1, 2, 3, 4, 5].map((part) => Parse({ day, part })) }, async () => 'all')
const Bots = step('Bots', ({ day }) => Sessions({ day }))
const Geo = task('Geo', { params: day, requires: ({ day }) => Sessions({ day }) }, async ({ params }) => {
  throw new Error('no such country <b>' + params.day + '</b>')
})
const Visits = step('Visits', ({ day }) => [Bots({ day }), Sessions({ day })])
const Report = step('Report', ({ day }) => [Visits({ day }), Geo({ day })])
export const visits = pipeline('visits', Report)

const Base = task('Base', {}, async () => { throw new Error('as it has to') })
const Upstream = task('Upstream', { params: { number: z.number() }, requires: () => Base() }, async () => 1)
export const fan = pipeline('fan', task('Fan', { params: { width: z.number() },
  requires: ({ width }) => Array.from({ length: width }, (_, number) => Upstream({ number })) }, async () => 1))

const families = []
for (let n = 0; n < 1_000; n++) {
  const before = families.slice(Math.max(0, n - 40), n - 20).filter((_, at) => (n + at) % 7 === 0)
  families.push(task('Family' + n, { requires: () => [Base(), ...before.map((each) => each())] }, async () => 1))
}
const Query = task('Query', { params: { number: z.number() }, resources: { database: 1 }, budgets: { api: 10 } }, ({ signal }) =>
  new Promise((resolve) => signal?.addEventListener('abort', () => resolve(undefined))))
export const queries = pipeline('queries', task('Queries', { requires: () => [1, 2].map((number) => Query({ number })) }, async () => 1))
export const many = pipeline('many', task('Many', { requires: () => families.map((each) => each()) }, async () => 1))
`,
}
