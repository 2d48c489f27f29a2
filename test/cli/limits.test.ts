import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { testProject } from '../support/cli.ts'

const config = (rest: string) =>
  `import { defineConfig } from 'sluice'\nexport default defineConfig({ pipelines: ['pipelines/*.ts'], ${rest} })\n`

const BATCHES = `
import { json, pipeline, task } from 'sluice'
import { z } from 'zod'
const Batch = task('Batch', { params: { n: z.number() }, output: ({ n }) => json(\`batch/\${n}.json\`), budgets: { mag: 100 } },
  async ({ output, budgets }) => { await budgets.mag.spend(100); await output.write(1) })
const All = task('All', { requires: () => [1, 2, 3, 4, 5, 6].map((n) => Batch({ n })) }, () => {})
export const batches = pipeline('batches', All)`

describe('a budget of 500 with six batches of 100', () => {
  it('lets five run; the sixth waits without a failure or a worker, and all say until when', async (test) => {
    const project = testProject(test, {
      'sluice.config.ts': config("budgets: { mag: { limit: 500, per: 'month', timeZone: 'Europe/London' } }"),
      'pipelines/p.ts': BATCHES,
    })
    const ended = await project.sluice(
      'run',
      'batches',
      '--wait',
      '1s',
      '--concurrency',
      '3',
      '--data',
      'elsewhere',
    )
    assert.equal(ended.code, 4, ended.stdout + ended.stderr)
    const says =
      /needs 100 of the budget mag: 500 are spent and 0 reserved of 500 a month.*until 20\d\d-\d\d-\d\d \d\d:00:00 UTC/
    assert.match(ended.stdout, says)
    const { tasks } = await project.json('status', 'latest')
    const batches = tasks.filter((each: { family: string }) => each.family === 'Batch')
    assert.equal(batches.filter((each: { status: string }) => each.status === 'succeeded').length, 5)
    const [sixth] = batches.filter((each: { status: string }) => each.status === 'waiting')
    assert.deepEqual([sixth.counts, sixth.attempts, sixth.startedAt], [{}, [], null])
    const why = await project.sluice('why', 'latest', String(sixth.number), '--data', 'elsewhere')
    assert.match(why.stdout, says)
    const [budget] = [JSON.parse((await project.sluice('budgets', '--json', '--data', 'elsewhere')).stdout)]
    assert.deepEqual([budget.spent, budget.reserved, budget.left, budget.waiting], [500, 0, 0, 1])
    assert.ok(budget.windowEndsAt > Date.now())
    const goesOn = await project.sluice('run', 'batches', '--wait', '300ms', '--data', 'elsewhere')
    assert.equal(goesOn.code, 4)
  })
})

describe('a body', () => {
  it('gets back what it did not spend, and is made again when nothing is left for more', async (test) => {
    const project = testProject(test, {
      'sluice.config.ts': config("budgets: { mag: { limit: 10, per: 'day' } }"),
      'pipelines/p.ts': `
import { pipeline, task } from 'sluice'
export const thrifty = pipeline('thrifty', task('Thrifty', { budgets: { mag: 5 } }, async ({ budgets }) => { await budgets.mag.spend(2) }))
export const greedy = pipeline('greedy', task('Greedy', { budgets: { mag: 1 } }, async ({ budgets, checkpoint, saveCheckpoint }) => {
  const done = (checkpoint as number | undefined) ?? 0
  for (let n = done; n < 20; n++) { await budgets.mag.spend(); saveCheckpoint(n + 1) }
}))`,
    })
    assert.equal((await project.sluice('run', 'thrifty')).code, 0)
    assert.equal((await project.json('budgets')).spent, 2)
    assert.equal((await project.sluice('run', 'greedy', '--wait', '2s')).code, 4)
    const [task] = (await project.json('status', 'latest')).tasks
    assert.deepEqual([task.status, task.counts], ['waiting', { over_budget: 1 }])
    assert.equal((await project.json('budgets')).spent, 10)
  })

  it('that is told to come back later makes everybody wait for the budget', async (test) => {
    const project = testProject(test, {
      'sluice.config.ts': config("budgets: { mag: { limit: 10, per: 'day' } }"),
      'pipelines/p.ts': `
import { pipeline, task } from 'sluice'
export const busy = pipeline('busy', task('Busy', { budgets: { mag: 1 } }, async ({ budgets, attempt }) => {
  await budgets.mag.spend()
  if (attempt === 1) await budgets.mag.throttled('2')
}))`,
    })
    const started = Date.now()
    assert.equal((await project.sluice('run', 'busy')).code, 0)
    assert.ok(Date.now() - started >= 2_000)
    const [task] = (await project.json('status', 'latest')).tasks
    assert.deepEqual(task.counts, { throttled: 1 })
  })

  it('that needs too much memory is tried again with more, and status says so', async (test) => {
    const project = testProject(test, {
      'sluice.config.ts': config('pools: { big: { maxMemoryMb: 512 } }'),
      'pipelines/p.ts': `
import { pipeline, task } from 'sluice'
export const eats = pipeline('eats', task('Eats', { memoryMb: 64, pool: 'big', retry: { attempts: 4, delaySeconds: 0 } }, () => {
  const kept = []
  for (let n = 0; n < 22; n++) kept.push(Array.from({ length: 1_000_000 }, (_, index) => index + n + 0.5))
  return { kept: kept.length }
}))`,
    })
    const ended = await project.sluice('run', 'eats')
    assert.equal(ended.code, 0, ended.stdout)
    const { stdout } = await project.sluice('status', 'latest')
    assert.match(stdout, /given 256 MB after it ran out of memory 2 times/)
    const [task] = (await project.json('status', 'latest')).tasks
    assert.deepEqual(
      task.attempts.map((each: { memoryMb: number }) => each.memoryMb),
      [64, 128],
    )
  })

  it('that kills its process each time ends, with its cause', async (test) => {
    const project = testProject(test, {
      'pipelines/p.ts': `
import { pipeline, task } from 'sluice'
export const dies = pipeline('dies', task('Dies', { retry: { attempts: 3, delaySeconds: 0 } }, () => { process.kill(process.pid, 'SIGSEGV') }))`,
    })
    const ended = await project.sluice('run', 'dies')
    assert.equal(ended.code, 1)
    assert.match(
      ended.stdout,
      /Dies: the process was killed by SIGSEGV before the task had ended \(3 attempts\)/,
    )
  })
})

describe('a pool of 4 with a backfill of 2,000 tasks', () => {
  it("starts another pipeline's first task within four endings", async (test) => {
    const project = testProject(test, {
      'sluice.config.ts': config('pools: { small: { concurrency: 4 } }'),
      'pipelines/p.ts': `
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { daily, pipeline, task } from 'sluice'
import { z } from 'zod'
const Part = task('Part', { params: { date: z.string(), n: z.number() }, pool: 'small' }, async ({ params }) => {
  appendFileSync('log', 'start backfill\\n'); await sleep(900 + 300 * (params.n % 4)); // Not all at once.
   appendFileSync('log', \`end backfill \${Date.now()}\\n\`)
})
const Many = task('Many', { params: { date: z.string() }, requires: ({ date }) => Array.from({ length: 500 }, (_, n) => Part({ date, n })) }, () => {})
export const many = pipeline('many', Many, { schedule: daily(), params: ({ date }) => ({ date }) })
const Urgent = task('Urgent', { pool: 'small' }, () => { appendFileSync('log', 'start urgent\\n') })
export const urgent = pipeline('urgent', Urgent)`,
    })
    const backfill = project.start([
      'backfill',
      'many',
      '--from',
      '2026-01-01',
      '--to',
      '2026-01-04',
      '--concurrency',
      '8',
      '--inline',
    ])
    const log = () =>
      existsSync(project.path('log')) ? readFileSync(project.path('log'), 'utf8').trim().split('\n') : []
    while (log().length < 8) await new Promise((resolve) => setTimeout(resolve, 50))
    const { queued } = (await project.jsonLines('pools')).find(
      (each: { pool: string }) => each.pool === 'small',
    )
    assert.ok(queued > 1_500, `${queued} queued`)
    const urgent = project.start(['run', 'urgent', '--inline'])
    assert.equal((await urgent.ended).code, 0)
    backfill.child.kill('SIGINT')
    await backfill.ended
    const events = log()
    let running = 0
    for (const event of events) {
      if (event.includes('backfill')) running += event.startsWith('start') ? 1 : -1
      assert.ok(running <= 4, `${running} at once`)
    }
    const { createdAt, tasks } = await project.json('status', 'latest')
    const endings = events.flatMap((event) => (event.startsWith('end') ? [Number(event.split(' ')[2])] : []))
    const before = endings.filter((at) => at > createdAt && at < tasks[0].startedAt)
    assert.ok(before.length <= 4, `${before.length} endings`)
  })
})

describe('limits', () => {
  it('that a task cannot keep to are told when the config loads, all at once', async (test) => {
    const project = testProject(test, {
      'sluice.config.ts': config(
        "resources: { db: { limit: 2 } }, budgets: { mag: { limit: 10, per: 'month', timeZone: 'Mars/Olympus' } }, pools: { small: { concurrency: 0 } }",
      ),
      'pipelines/p.ts': `
import { cron, pipeline, task } from 'sluice'
const T = task('T', { resources: { db: 3, fs: 1 }, budgets: { mag: 11 }, pool: 'tiny' }, () => {})
export const p = pipeline('p', T, { schedule: cron('61 * * * *', { timeZone: 'Nowhere' }) })`,
    })
    const first = await project.sluice('pipelines')
    assert.equal(first.code, 2)
    for (const says of [
      /no time zone "Mars\/Olympus"/,
      /pools\.small\.concurrency/,
      /cron expression "61 \* \* \* \*" does not parse/,
      /no time zone "Nowhere"/,
    ])
      assert.match(first.stderr, says)
    project.write(
      'sluice.config.ts',
      config("resources: { db: { limit: 2 } }, budgets: { mag: { limit: 10, per: 'month' } }"),
    )
    const second = await project.sluice('pipelines')
    for (const says of [
      /asks for 3 of the resource db, which has 2 in all/,
      /no resource fs; there are: db/,
      /asks for 11 of the budget mag/,
      /no pool tiny; there are: default/,
    ])
      assert.match(second.stderr, says)
  })
})
