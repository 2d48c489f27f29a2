import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { before, it } from 'node:test'
import { type Ended, type TestProject, testProject } from '../support/cli.ts'
import { until } from '../support/processes.ts'
import { earlierVersion } from './earlier-version.ts'

const PIPELINES = `
import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { cron, json, pipeline, task, text, type TaskInstance } from 'sluice'
import { z } from 'zod'
const note = (what: string) => appendFileSync('notes', what + '\\n')
const Step = task('Step', {
  params: { n: z.number() },
  requires: ({ n }): TaskInstance[] => n === 0 ? [] : [Step({ n: n - 1 })],
  output: ({ n }) => json<number>(\`step/\${n}.json\`),
}, async ({ params: { n }, input, output, log }) => {
  note(\`Step \${n}\`)
  log.info(\`step \${n} speaks\`)
  const [before] = input
  await output.write(before === undefined ? 1 : 2 * (await (before as typeof output).read()))
})
const Part = task('Part', { params: { n: z.number() }, output: ({ n }) => json<number>(\`part/\${n}.json\`) },
  async ({ params: { n }, output }) => {
    note(\`Part \${n}\`)
    while (n === 2 && !existsSync('go')) await sleep(20)
    await output.write(n)
  })
const Grow = task('Grow', { requires: () => Step({ n: 3 }), output: () => json<number[]>('grow.json') },
  async ({ checkpoint, need, output }) => {
    note(\`Grow \${checkpoint}\`)
    const parts = await need([0, 1, 2].map((n) => Part({ n })), { checkpoint: 'half' })
    await output.write(await Promise.all(parts.map((part) => part.read())))
  })
const Crawl = task('Crawl', { retry: { attempts: 3, delaySeconds: 8, backoff: 'fixed' }, output: () => text('crawl') },
  async ({ attempt, checkpoint, saveCheckpoint, output }) => {
    note(\`Crawl \${attempt} \${checkpoint}\`)
    if (attempt === 1) { saveCheckpoint(7); throw new Error('the wire is cut') }
    await output.write('crawled')
  })
const Spend = task('Spend', {
  params: { late: z.boolean() },
  requires: ({ late }) => late ? [Grow()] : [],
  output: ({ late }) => text(\`spend-\${late}\`),
  budgets: { calls: 3 },
}, async ({ params: { late }, budgets, output }) => {
  note(\`Spend \${late}\`)
  await budgets.calls.spend(2)
  await output.write('spent')
})
const All = task('All', {
  requires: () => ({ grow: Grow(), crawl: Crawl(), early: Spend({ late: false }), late: Spend({ late: true }), step: Step({ n: 3 }) }),
  output: () => json('all.json'),
}, async ({ input, output }) => {
  note('All')
  await output.write({ grow: await input.grow.read(), step: await input.step.read() })
})
export const all = pipeline('all', All)

export const done = pipeline('done', task('Done', {}, async ({ log }) => { log.info('done speaks'); return { pages: 3 } }))
export const mended = pipeline('mended', task('Mended', {
  requires: () => Step({ n: 1 }), retry: { attempts: 1 }, output: () => text('mended'),
}, async ({ output }) => {
  if (!existsSync('mend')) throw new Error('nobody has mended it')
  await output.write('mended')
}))
const Wait = task('Wait', { params: { of: z.string() }, output: ({ of }) => text(\`wait/\${of}\`) }, async ({ params: { of }, signal }) => {
  note(\`Wait \${of}\`)
  await sleep(60_000, undefined, { signal })
})
const After = task('After', { params: { of: z.string() }, requires: ({ of }) => Wait({ of }), output: ({ of }) => text(\`after/\${of}\`) },
  async ({ output }) => output.write('after'))
export const wait = pipeline('wait', After)
const Second = task('Second', { params: { at: z.string() }, output: ({ at }) => text(\`second/\${at.replaceAll(':', '-')}\`) },
  async ({ output }) => output.write('done'))
export const seconds = pipeline('seconds', Second, { schedule: cron('* * * * * *'), params: ({ start }) => ({ at: start }) })
`

const FILES = {
  'sluice.config.ts': `
import { defineConfig } from 'sluice'
export default defineConfig({ pipelines: ['pipelines/*.ts'], budgets: { calls: { limit: 10, per: 'year' } } })
`,
  'pipelines/all.ts': PIPELINES,
}

let version = ''
before(() => {
  version = earlierVersion()
})

const notesOf = (project: TestProject): string[] =>
  existsSync(project.path('notes')) ? readFileSync(project.path('notes'), 'utf8').trim().split('\n') : []

const earlier = (project: TestProject, ...args: string[]): Promise<Ended> =>
  project.start(args, { version }).ended

/** The moment at which a run is killed: one task runs and has made its note, and these have failed once. */
interface Moment {
  runs: string
  notes: string
  failed: string[]
}

/** Starts a run with the earlier version, and kills its process at this moment. */
async function cutOff(project: TestProject, args: string[], { runs, notes, failed }: Moment): Promise<void> {
  const { child, ended } = project.start(['run', ...args], { version })
  const labels = (tasks: { task: string }[]) => tasks.map(({ task }) => task)
  const isThere = async () => {
    const { stdout } = await project.start(['status', 'latest', '--json'], { version }).ended
    if (stdout === '' || !notesOf(project).includes(notes)) return false
    const { tasks } = JSON.parse(stdout)
    const begun = tasks.filter(({ status }: { status: string }) => status === 'running')
    const again = tasks.filter(({ attempts }: { attempts: unknown[] }) => attempts.length > 0)
    return labels(begun).join() === runs && failed.every((task) => labels(again).includes(task))
  }
  while (!(await isThere())) assert.equal(child.exitCode, null, 'the run has ended before it could be killed')
  child.kill('SIGKILL')
  await ended
}

const readData = (project: TestProject, path: string): unknown =>
  JSON.parse(readFileSync(project.path('data', path), 'utf8'))

function ok({ code, stdout, stderr }: Ended): string {
  assert.equal(code, 0, stdout + stderr)
  return stdout
}

it('a run that the earlier version has begun is finished by this one', async (test) => {
  const project = testProject(test, FILES)
  await cutOff(project, ['all', '--concurrency', '8'], {
    runs: 'Part(n=2)',
    notes: 'Part 2',
    failed: ['Crawl'],
  })

  const open = await project.json('status', 'latest')
  assert.equal(open.status, 'running')
  assert.match(ok(await project.sluice('status', 'latest', 'Crawl')), /the wire is cut/)
  assert.match(ok(await project.sluice('why', 'latest', 'All')), /Grow/)
  assert.match(ok(await project.sluice('logs', 'latest')), /step 2 speaks/)
  assert.match(ok(await project.sluice('logs', 'latest', 'Crawl', '--attempt', '1')), /the wire is cut/)
  const [budget] = await project.jsonLines('budgets')
  assert.equal(budget.spent, 2)

  project.write('go', '')
  assert.match(ok(await project.sluice('run', 'all')), new RegExp(`Going on with run ${open.run}`))
  assert.deepEqual(notesOf(project).sort(), [
    'All',
    'Crawl 1 undefined',
    'Crawl 2 7',
    'Grow half',
    'Grow undefined',
    'Part 0',
    'Part 1',
    // It ran when its process was killed.
    'Part 2',
    'Part 2',
    'Spend false',
    'Spend true',
    'Step 0',
    'Step 1',
    'Step 2',
    'Step 3',
  ])
  assert.deepEqual(readData(project, 'all.json'), { grow: [0, 1, 2], step: 8 })
  assert.equal((await project.json('status', 'latest')).status, 'succeeded')
  assert.equal((await project.json('status', 'latest', 'Crawl')).tasks[0].attempt, 2)
  assert.equal((await project.jsonLines('budgets'))[0].spent, 4)
  assert.match(ok(await project.sluice('run', 'all')), /Nothing to do/)
})

it('runs that the earlier version has ended are read, retried and pruned by this one', async (test) => {
  const project = testProject(test, FILES)
  ok(await earlier(project, 'run', 'done'))
  assert.equal((await earlier(project, 'run', 'mended')).code, 1)

  const runs = await project.jsonLines('runs')
  assert.deepEqual(
    runs.map(({ name, status }) => [name, status]),
    [
      ['mended', 'failed'],
      ['done', 'succeeded'],
    ],
  )
  assert.match(ok(await project.sluice('status', runs[1].run, 'Done')), /pages/)
  assert.match(ok(await project.sluice('logs', runs[1].run)), /done speaks/)
  assert.match(ok(await project.sluice('run', 'done')), /Nothing to do/)
  project.write('mend', '')
  ok(await project.sluice('retry', runs[0].run))
  assert.deepEqual(notesOf(project), ['Step 0', 'Step 1'])

  ok(await project.sluice('prune', '--older-than', '1ms', '--yes'))
  assert.deepEqual(await project.jsonLines('runs'), [])
  assert.match(ok(await project.sluice('run', 'mended')), /Nothing to do/)
})

it('open runs of the earlier version are cancelled and marked by this one', async (test) => {
  const project = testProject(test, FILES)
  await cutOff(project, ['wait', '--of', 'a'], { runs: 'Wait(of=a)', notes: 'Wait a', failed: [] })
  ok(await project.sluice('cancel', 'latest'))
  assert.equal((await project.json('status', 'latest')).status, 'cancelled')
  ok(await project.sluice('mark', 'latest', 'Wait', 'succeeded'))
  assert.ok(existsSync(project.path('data/after/a')))
  assert.deepEqual(notesOf(project), ['Wait a'])
})

it('a schedule that the earlier version has started goes on with this one, without a gap', async (test) => {
  const project = testProject(test, FILES)
  const runsOf = async () => (await project.jsonLines('runs', '--limit', '200')) as { status: string }[]
  const isEnough = async (count: number) =>
    (await runsOf()).filter(({ status }) => status === 'succeeded').length >= count
  ok(await earlier(project, 'resume', 'seconds'))
  const old = project.start(['dev', '--port', '0', '--inline'], { version })
  // This version changes the state when it first looks, which keeps away an earlier one that has not opened it yet.
  await until(() => old.stdout().includes('listens') || old.child.exitCode !== null)
  while (!(await isEnough(2))) assert.equal(old.child.exitCode, null)
  old.child.kill('SIGKILL')
  await old.ended

  const before = (await runsOf()).length
  const { child, ended } = project.start(['dev', '--port', '0', '--inline'])
  while (!(await isEnough(before + 2))) assert.equal(child.exitCode, null)
  ok(await project.sluice('pause', 'seconds'))
  child.kill('SIGINT')
  await ended
  const made = readdirSync(project.path('data/second'))
    .map(secondOf)
    .sort((a, b) => a - b)
  const [first = 0] = made
  assert.deepEqual(
    made,
    made.map((_, place) => first + place),
  )
})

/** `second/2026-05-17T10-15-00+00-00` in seconds. */
const secondOf = (name: string) => Date.parse(name.replace(/T(\d\d)-(\d\d)-(\d\d).*/, 'T$1:$2:$3Z')) / 1_000
