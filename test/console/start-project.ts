/** A project whose pipelines take all kinds of parameters, hostile ones too, and plan many tasks. */
export const START_PROJECT = {
  'pipelines/forms.ts': `
import { daily, day, insignificant, jsonLines, pipeline, task } from 'sluice'
import { z } from 'zod'

const Report = task('Report', {
  params: {
    date: day().describe('The day <b>that</b> is \\u202ereported'),
    country: z.enum(['de', 'at', 'ch']).default('at'),
    parts: z.int().min(1).max(9).default(3),
    isQuick: z.boolean().default(false),
    tags: z.array(z.string()).default([]),
    note: insignificant(z.string().optional()),
  },
}, async ({ params }) => params)
export const report = pipeline('report', Report, { schedule: daily(), params: ({ date }) => ({ date }) })

const Part = task('Part', { params: { number: z.number(), name: z.string() }, output: ({ number, name }) => jsonLines(\`parts/\${number}-\${name.length}.jsonl\`) },
  async ({ output, params }) => { await output.write([{ number: params.number }]) })
export const wide = pipeline('wide', task('Wide', {
  params: { parts: z.number(), name: z.string() },
  requires: ({ parts, name }) => Array.from({ length: parts }, (_, number) => Part({ number, name })),
}, async () => 'all'))
export const plain = pipeline('plain', task('Plain', {}, async () => 1))
`,
}
