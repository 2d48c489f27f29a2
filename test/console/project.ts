/** A project whose runs have all that the console shows: a failure, retries, hostile names and lines, many tasks. */
export const PROJECT = {
  'pipelines/shop.ts': `
import { daily, jsonLines, pipeline, task } from 'sluice'
import { z } from 'zod'

const Part = task('Part', { params: { number: z.number() }, output: ({ number }) => jsonLines(\`parts/\${number}.jsonl\`) },
  async ({ output, log, params }) => {
    log.info('part ' + params.number)
    await output.write([{ number: params.number }])
  })
export const wide = pipeline('wide', task('Wide', {
  params: { parts: z.number() },
  requires: ({ parts }) => Array.from({ length: parts }, (_, number) => Part({ number })),
}, async () => 'all ' + 'parts'))

const Hostile = task('Hostile', { params: { name: z.string() }, retry: { attempts: 2, delaySeconds: 0 } }, async ({ log, params }) => {
  for (let i = 0; i < 300; i++) log.info('line ' + i)
  log.info('<img src=x onerror="document.title=1"><script>document.title=2</script>')
  log.warn('\\u001b[31mred\\u001b[0m and \\u001b]0;title\\u0007plain')
  log.info('right \\u202eto left\\u202c and zero\\u200bwidth')
  log.info('long ' + 'x'.repeat(1_000_000))
  throw new Error('no such file <b>' + params.name + '</b>')
})
export const hostile = pipeline('hostile', Hostile)

const Slow = task('Slow', { params: { name: z.string() } }, async ({ log, signal }) => {
  log.info('waiting')
  await new Promise((resolve) => { const timer = setTimeout(resolve, 600_000); signal?.addEventListener('abort', () => { clearTimeout(timer); resolve(undefined) }) })
})
export const slow = pipeline('slow', Slow)
export const nightly = pipeline('nightly', task('Nightly', { params: {} }, async () => 1), { schedule: daily() })
`,
}
