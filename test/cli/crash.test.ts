import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { it } from 'node:test'
import { seeded } from '../simulation/scheduler.ts'
import { type TestProject, testProject } from '../support/cli.ts'
import { until } from '../support/processes.ts'

const KILLS = 40
const TASKS = 300
const LAYER = 50
const BYTES = 50_000
/** Each engine is killed when so many of its bodies have begun, at most. */
const MOST_STARTS = 8

/** The cells that a cell requires: three of the layer before. */
const upstreamsOf = (n: number) =>
  n < LAYER ? [] : [0, 1, 2].map((step) => Math.floor(n / LAYER) * LAYER - LAYER + ((n + step) % LAYER))

/**
 * Layers of fifty. Each body notes its start, with its process and that of its engine, and what must never be: that an input is
 * not whole, or that another body of the task runs in an engine that lives. A child whose engine was killed ends a moment later:
 * it publishes nothing any more, so nobody waits for it.
 * The last task waits for a file, so that the run does not end before all the kills.
 */
const LAYERS = `
import { appendFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { file, pipeline, task, type TaskInstance } from 'sluice'
import { z } from 'zod'
const note = (what: string) => appendFileSync('notes', what + '\\n')
const read = (path: string) => { try { return readFileSync(path, 'utf8') } catch { return '' } }
const sizeOf = (path: string) => { try { return statSync(path).size } catch { return -1 } }
// A dead process that no parent has waited for yet still has its number.
const isAlive = (pid: string) => /^State:\\s+[^ZX]/m.test(read(\`/proc/\${pid}/status\`))
const upstreamsOf = (n: number) => n < ${LAYER} ? [] : [0, 1, 2].map((step) => Math.floor(n / ${LAYER}) * ${LAYER} - ${LAYER} + (n + step) % ${LAYER})
const engine = process.argv[1]?.endsWith('sluice.js') ? process.pid : process.ppid
const Cell = task('Cell', {
  params: { n: z.number() },
  retry: { attempts: 1 },
  requires: ({ n }): TaskInstance[] => upstreamsOf(n).map((upstream) => Cell({ n: upstream })),
  output: ({ n }) => file(\`cells/\${n}\`),
}, async ({ params: { n }, output }) => {
  const path = \`running/\${n}\`
  const [other = '', itsEngine = ''] = read(path).split(' ')
  if (other !== '' && isAlive(itsEngine) && isAlive(other) && read(path).startsWith(other + ' ')) note(\`twice \${n}\`)
  writeFileSync(path, \`\${process.pid} \${engine}\`)
  for (const upstream of upstreamsOf(n)) if (sizeOf(\`data/cells/\${upstream}\`) !== ${BYTES}) note(\`early \${n}\`)
  note(\`start \${n} \${engine}\`)
  await sleep(100 + n % 100)
  await output.write(Buffer.alloc(${BYTES}, n))
  rmSync(path, { force: true })
})
const All = task('All', { requires: () => Array.from({ length: ${LAYER} }, (_, n) => Cell({ n: ${TASKS} - ${LAYER} + n })), output: () => file('all') },
  async ({ output }) => {
    note(\`start all \${engine}\`)
    while (!existsSync('go')) await sleep(20)
    await output.write('all')
  })
export const layers = pipeline('layers', All)
`

const notes = (project: TestProject) =>
  existsSync(project.path('notes')) ? readFileSync(project.path('notes'), 'utf8').trim().split('\n') : []

/** Cells that began once more after a task that requires them had begun: by then their success was known. */
function startedAgain(starts: string[]): string[] {
  const known = new Set<string>()
  return starts.filter((cell) => {
    if (cell !== 'all') for (const upstream of upstreamsOf(Number(cell))) known.add(String(upstream))
    return known.has(cell)
  })
}

interface Attempt {
  outcome: string
  worker: string
  endedAt: number
}

/** Attempts that were declared lost while their engine lived: no other process may do so within a lease. */
function lostAlive(tasks: { task: string; attempts: Attempt[] }[], killedAt: Map<string, number>): string[] {
  return tasks.flatMap(({ task, attempts }) =>
    attempts.flatMap(({ outcome, worker, endedAt }) => {
      const [, pid = ''] = worker.split('/')
      const isAlive = endedAt < (killedAt.get(pid) ?? Number.POSITIVE_INFINITY)
      return outcome === 'lost' && isAlive ? [`${task} of ${worker}`] : []
    }),
  )
}

it(`a run of ${TASKS} tasks whose two engines are killed ${KILLS} times, in the middle of bodies, loses nothing and does nothing twice`, async (test) => {
  const project = testProject(test, { 'pipelines/layers.ts': LAYERS })
  mkdirSync(project.path('running'))
  const random = seeded(7)
  let kills = 0
  /** When each engine was killed, by its process. */
  const killedAt = new Map<string, number>()

  const startsOf = (pid: number | undefined) =>
    notes(project).filter((note) => note.startsWith('start') && note.endsWith(` ${pid}`))

  /** Starts an engine again and again, and kills it when some of its bodies have begun, or the last one. */
  async function engine(flags: string[]): Promise<void> {
    while (kills < KILLS) {
      const { child, ended } = project.start(['run', 'layers', ...flags])
      const wanted = 1 + Math.floor(MOST_STARTS * random())
      await until(() => {
        const starts = startsOf(child.pid)
        return starts.length >= wanted || starts.some((note) => note.startsWith('start all'))
      })
      killedAt.set(String(child.pid), Date.now())
      child.kill('SIGKILL')
      await ended
      kills++
    }
  }
  await Promise.all([engine(['--concurrency', '2']), engine(['--inline', '--concurrency', '4'])])
  project.write('go', '')
  const last = await project.sluice('run', 'layers')
  assert.equal(last.code, 0, last.stdout + last.stderr)

  assert.equal((await project.jsonLines('runs')).length, 1, 'one run')
  const noted = notes(project)
  assert.deepEqual(
    noted.filter((note) => !note.startsWith('start')),
    [],
  )
  const starts = noted.map((note) => note.split(' ')[1] ?? '')
  assert.deepEqual(startedAgain(starts), [])
  assert.equal(new Set(starts).size, TASKS + 1, 'every body began')
  assert.ok(starts.length > TASKS + KILLS / 2, 'most kills fell into bodies')
  const { tasks } = await project.json('status', 'latest')
  assert.deepEqual(lostAlive(tasks, killedAt), [], 'attempts are lost only after their engine has died')
  const causes = new Set(tasks.flatMap(({ counts }: { counts: object }) => Object.keys(counts)))
  assert.deepEqual(causes, new Set(['lost']))
  const cells = readdirSync(project.path('data/cells'))
  assert.equal(cells.length, TASKS, 'nothing half is left')
  for (const cell of cells) assert.equal(statSync(project.path('data/cells', cell)).size, BYTES, 'whole')
  assert.ok(existsSync(project.path('data/all')))
})
