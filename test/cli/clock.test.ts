import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { testProject } from '../support/cli.ts'

/** Sets the wall clock of a process by what a file says, in milliseconds. */
const CLOCK = `import { readFileSync } from 'node:fs'
const wall = Date.now
let looked = 0
let by = 0
Date.now = () => {
  const now = wall()
  if (now - looked > 20) {
    looked = now
    by = Number(readFileSync(process.env.CLOCK_SET_BY, 'utf8'))
  }
  return now + by
}
`
const PIPELINE = `import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { pipeline, task, text } from 'sluice'
import { z } from 'zod'

const Slow = task('Slow', { params: { n: z.number() }, output: ({ n }) => text(\`slow/\${n}.txt\`) }, async ({ params, output }) => {
  appendFileSync('began.txt', \`\${params.n}\\n\`)
  await sleep(4_000)
  await output.write('done')
})
export const slow = pipeline('slow', task('All', { requires: () => [1, 2, 3, 4].map((n) => Slow({ n })) }, async () => {}))
`

describe('two engines on a state', () => {
  it('lose no attempt when the clock of one of them is set an hour ahead', async (test) => {
    const project = testProject(test, { 'pipelines/slow.ts': PIPELINE, 'set.mjs': CLOCK, 'by.txt': '0' })
    const env = {
      NODE_OPTIONS: `--import ${project.path('set.mjs')}`,
      CLOCK_SET_BY: project.path('by.txt'),
    }
    const other = project.start(['dev', '--port', '0', '--concurrency', '2'], { env })
    const first = project.start(['run', 'slow', '--concurrency', '2'])
    const began = () =>
      existsSync(project.path('began.txt'))
        ? readFileSync(project.path('began.txt'), 'utf8').trim().split('\n').length
        : 0
    while (began() < 2) await new Promise((resolve) => setTimeout(resolve, 50))
    writeFileSync(project.path('by.txt'), String(3_600_000))
    const { code, stdout, stderr } = await first.ended
    assert.equal(code, 0, stdout + stderr)
    const { tasks } = await project.json('status', 'latest')
    assert.deepEqual(
      tasks.filter(({ counts }: { counts: object }) => Object.keys(counts).length > 0),
      [],
    )
    assert.equal(began(), 4)
    other.child.kill('SIGINT')
    await other.ended
  })
})
