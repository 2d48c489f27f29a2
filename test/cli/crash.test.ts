import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { seeded } from '../simulation/scheduler.ts'
import { testProject } from '../support/cli.ts'

const KILLS = 12
const TASKS = 60

/** Layers of ten; each body notes its start and its end, and writes a file of a known size. */
const LAYERS = `
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { file, pipeline, task, type TaskInstance } from 'sluice'
import { z } from 'zod'
const Cell = task('Cell', {
  params: { n: z.number() },
  requires: ({ n }): TaskInstance[] => n < 10 ? [] : [0, 1, 2].map((step) => Cell({ n: Math.floor(n / 10) * 10 - 10 + (n + step) % 10 })),
  output: ({ n }) => file(\`cells/\${n}\`),
}, async ({ params: { n }, output }) => {
  appendFileSync('starts', n + '\\n')
  await sleep(40)
  await output.write(Buffer.alloc(200_000, n))
})
const All = task('All', { requires: () => Array.from({ length: 10 }, (_, n) => Cell({ n: ${TASKS} - 10 + n })), output: () => file('all') },
  async ({ output }) => output.write('all'))
export const layers = pipeline('layers', All)
`

it(`a run that is killed ${KILLS} times loses nothing, and does nothing again that had succeeded`, async (test) => {
  const project = testProject(test, { 'pipelines/layers.ts': LAYERS })
  const random = seeded(7)
  const starts = () =>
    existsSync(project.path('starts')) ? readFileSync(project.path('starts'), 'utf8').trim().split('\n') : []
  const succeeded = async (): Promise<string[]> => {
    if (!(await project.sluice('runs')).stdout.includes('layers-')) return []
    const { tasks } = await project.json('status', 'latest')
    return tasks
      .filter((task: { status: string }) => ['succeeded', 'complete'].includes(task.status))
      .map((task: { params: { n: number } }) => String(task.params.n))
  }
  for (let kill = 0; kill < KILLS; kill++) {
    const before = new Set(await succeeded())
    const seen = starts().length
    // Every third time two processes work on the run, and one of them is killed.
    const other = kill % 3 === 0 ? project.start(['run', 'layers', '--concurrency', '2']) : undefined
    const { child, ended } = project.start(['run', 'layers', '--concurrency', '3'])
    await sleep(350 + 700 * random())
    child.kill('SIGKILL')
    await ended
    other?.child.kill('SIGKILL')
    await other?.ended
    for (const n of starts().slice(seen)) assert.ok(!before.has(n), `cell ${n} had succeeded and ran again`)
  }
  const last = await project.sluice('run', 'layers')
  assert.equal(last.code, 0, last.stdout)
  assert.equal((await project.sluice('runs', '--json')).stdout.trim().split('\n').length, 1)
  assert.equal(new Set(starts()).size, TASKS)
  const cells = readdirSync(project.path('data/cells'))
  assert.deepEqual(cells.length, TASKS, 'nothing half-written is left')
  for (const cell of cells) assert.equal(statSync(project.path('data/cells', cell)).size, 200_000)
})
