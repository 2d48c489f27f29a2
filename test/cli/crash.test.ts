import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { seeded } from '../simulation/scheduler.ts'
import { testProject } from '../support/cli.ts'

const KILLS = 100
const TASKS = 500
const BYTES = 50_000

/**
 * Layers of fifty. Each body notes what must never be: that its output is there already, or that another process runs it.
 * The last task waits for a file, so that the run does not end before all the kills.
 */
const LAYERS = `
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { file, pipeline, task, type TaskInstance } from 'sluice'
import { z } from 'zod'
const note = (what) => appendFileSync('notes', what + '\\n')
const holder = (path) => { try { return Number(readFileSync(path, 'utf8')) } catch { return 0 } }
// A dead process that nobody has waited for yet still has its number.
const isZombie = (pid) => { try { return /\\) Z/.test(readFileSync(\`/proc/\${pid}/stat\`, 'utf8')) } catch { return false } }
const isAlive = (pid) => { try { return pid > 0 && process.kill(pid, 0) && !isZombie(pid) } catch { return false } }
const Cell = task('Cell', {
  params: { n: z.number() },
  retry: { attempts: 1 },
  requires: ({ n }): TaskInstance[] => n < 50 ? [] : [0, 1, 2].map((step) => Cell({ n: Math.floor(n / 50) * 50 - 50 + (n + step) % 50 })),
  output: ({ n }) => file(\`cells/\${n}\`),
}, async ({ params: { n }, output }) => {
  const path = \`running/\${n}\`
  const other = holder(path)
  if (existsSync(\`data/cells/\${n}\`)) note(\`again \${n}\`)
  // A child ends a moment after its engine was killed.
  if (other !== process.pid && isAlive(other)) {
    await sleep(500)
    if (isAlive(other) && holder(path) === other) note(\`twice \${n}\`)
  }
  writeFileSync(path, String(process.pid))
  note(\`start \${n}\`)
  await sleep(5 + n % 20)
  await output.write(Buffer.alloc(${BYTES}, n))
  rmSync(path, { force: true })
})
const All = task('All', { requires: () => Array.from({ length: 50 }, (_, n) => Cell({ n: ${TASKS} - 50 + n })), output: () => file('all') },
  async ({ output }) => { while (!existsSync('go')) await sleep(20); await output.write('all') })
export const layers = pipeline('layers', All)
`

it(`a run of ${TASKS} tasks whose two engines are killed ${KILLS} times loses nothing and does nothing twice`, async (test) => {
  const project = testProject(test, { 'pipelines/layers.ts': LAYERS })
  mkdirSync(project.path('running'))
  const random = seeded(7)
  let kills = 0

  /** Starts an engine again and again, and kills it at some moment. */
  async function engine(flags: string[]): Promise<void> {
    while (kills < KILLS) {
      const { child, ended } = project.start(['run', 'layers', ...flags])
      await sleep(300 + 700 * random())
      child.kill('SIGKILL')
      await ended
      kills++
    }
  }
  await Promise.all([engine(['--concurrency', '2']), engine(['--inline', '--concurrency', '4'])])
  project.write('go', '')
  const last = await project.sluice('run', 'layers')
  assert.equal(last.code, 0, last.stdout + last.stderr)

  assert.equal((await project.sluice('runs', '--json')).stdout.trim().split('\n').length, 1, 'one run')
  const notes = readFileSync(project.path('notes'), 'utf8').trim().split('\n')
  assert.deepEqual(
    notes.filter((note) => !note.startsWith('start')),
    [],
  )
  assert.equal(new Set(notes).size, TASKS, 'every body began')
  assert.ok(notes.length > TASKS, 'some were lost in the middle')
  const cells = readdirSync(project.path('data/cells')).filter((name) => !name.startsWith('.'))
  assert.equal(cells.length, TASKS)
  for (const cell of cells) assert.equal(statSync(project.path('data/cells', cell)).size, BYTES, 'whole')
  assert.ok(existsSync(project.path('data/all')))
})
