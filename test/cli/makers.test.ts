import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { describe, it } from 'node:test'
import { testProject } from '../support/cli.ts'

const HEAD = `import { day, insignificant, pipeline, task, text } from 'sluice'
import { z } from 'zod'
`
const plan = (pipeline: string, ...tasks: object[]) =>
  [{ plan: 1, pipeline }, ...tasks].map((line) => JSON.stringify(line)).join('\n')
const sh = (script: string) => ['sh', '-c', script]
const same = (family: string) =>
  `task('${family}', { output: () => text('same.txt') }, async ({ output }) => output.write('${family}'))`

describe('an output path', () => {
  it('that lacks a significant parameter is refused before anything runs, with the way out', async (test) => {
    const project = testProject(test, {
      'pipelines/p.ts': `${HEAD}
export const Same = task('Same', { params: { date: day() }, output: () => text('same.txt') }, async ({ params, output }) => output.write(params.date))
export const p = pipeline('p', Same)`,
    })
    const { code, stderr } = await project.sluice('run', 'Same', '--date', '2026-01-01')
    assert.equal(code, 2)
    assert.match(
      stderr,
      /the output of Same is file:.*same\.txt whatever the parameter date is: put date into its path, or .*insignificant/,
    )
    assert.match((await project.sluice('runs')).stdout, /No runs yet/)
  })

  it('is not suspected where no other value can be made, or one changes it, or it is no part of the identity', async (test) => {
    const project = testProject(test, {
      'pipelines/p.ts': `${HEAD}
const fields = {
  only: z.enum(['one']).default('one'),
  literal: z.literal(7).default(7),
  list: z.array(z.string()).default([]),
  amount: z.number().default(12.5),
  cents: z.coerce.number().transform((euros) => Math.round(euros * 100)).default(100),
  month: day().default('2026-01-31'),
  limit: z.number().optional(),
  odd: z.string().refine((text) => text === 'as it is').default('as it is'),
  source: insignificant(z.string().default('here')),
}
const Root = task('Root', { params: fields, output: ({ amount, cents, month, limit }) =>
  text(\`\${Math.round(amount)}/\${cents}/\${month.slice(0, 7)}\${limit === undefined ? '' : \`-\${limit}\`}.txt\`) }, async ({ output }) => output.write('x'))
export const p = pipeline('p', Root)`,
    })
    const { code, stderr } = await project.sluice('run', 'p')
    assert.equal(code, 0, stderr)
  })
})

describe('a target', () => {
  it('of one family is refused to another in a later run, whether or not it is there', async (test) => {
    const project = testProject(test, {
      'pipelines/p.ts': `${HEAD}
export const a = pipeline('a', ${same('A')})
export const b = pipeline('b', ${same('B')})`,
    })
    assert.equal((await project.sluice('run', 'a')).code, 0)
    for (const isThere of [true, false]) {
      if (!isThere) rmSync(project.path('data/same.txt'))
      const { code, stderr } = await project.sluice('run', 'b')
      assert.equal(code, 2)
      assert.match(stderr, /A and B have the same output file:.*same\.txt/)
    }
    assert.equal((await project.sluice('run', 'a')).code, 0)
  })

  it('of two tasks of one family is told with the parameters of both', async (test) => {
    const project = testProject(test, {
      'pipelines/p.ts': `${HEAD}
const Month = task('Month', { params: { date: day() }, output: ({ date }) => text(date.slice(0, 7)) }, async ({ params, output }) => output.write(params.date))
export const p = pipeline('p', Month)`,
    })
    assert.equal((await project.sluice('run', 'p', '--date', '2026-01-01')).code, 0)
    const { code, stderr } = await project.sluice('run', 'p', '--date', '2026-01-02')
    assert.equal(code, 2)
    assert.match(stderr, /Month\(date=2026-01-01\) and Month\(date=2026-01-02\) have the same output/)
  })

  it('of a task that was renamed, moved or given another parameter belongs to whoever makes it now', async (test) => {
    const project = testProject(test, {
      'pipelines/p.ts': `${HEAD}export const a = pipeline('a', ${same('A')})`,
    })
    assert.equal((await project.sluice('run', 'a')).code, 0)
    project.write('pipelines/p.ts', `${HEAD}export const a = pipeline('a', ${same('Renamed')})`)
    assert.match((await project.sluice('run', 'a')).stdout, /Nothing to do/)
    const withMore = `task('Renamed', { params: { more: z.literal(1).default(1) }, output: () => text('same.txt') }, async ({ output }) => output.write('more'))`
    project.write('pipelines/p.ts', `${HEAD}export const a = pipeline('a', ${withMore})`)
    assert.match((await project.sluice('run', 'a')).stdout, /Nothing to do/)
  })

  it('that a command left half is not believed when its arguments are corrected', async (test) => {
    const command = (script: string) => plan('demo', { task: 'a', command: sh(script), output: 'out.txt' })
    const project = testProject(test, {
      'plan.jsonl': command('echo half > data/out.txt; exit 1'),
      'data/.keep': '',
    })
    assert.equal((await project.sluice('run', '--plan', 'plan.jsonl')).code, 1)
    project.write('plan.jsonl', command('echo whole > data/out.txt'))
    assert.equal((await project.sluice('run', '--plan', 'plan.jsonl')).code, 0)
    assert.equal(readFileSync(project.path('data/out.txt'), 'utf8'), 'whole\n')
    project.write('plan.jsonl', command('echo better > data/out.txt'))
    assert.match((await project.sluice('run', '--plan', 'plan.jsonl')).stdout, /Nothing to do/)
  })

  it('of a command of another plan is refused while it is there', async (test) => {
    const command = { task: 'a', command: sh('echo $SLUICE_RUN > "$SLUICE_OUTPUT"'), output: 'out.txt' }
    const project = testProject(test, {
      'one.jsonl': plan('one', command),
      'two.jsonl': plan('two', command),
    })
    assert.equal((await project.sluice('run', '--plan', 'one.jsonl')).code, 0)
    const { code, stderr } = await project.sluice('run', '--plan', 'two.jsonl')
    assert.equal(code, 2)
    assert.match(stderr, /a of the plan one and a of the plan two have the same output/)
    rmSync(project.path('data/out.txt'))
    assert.equal((await project.sluice('run', '--plan', 'two.jsonl')).code, 0)
  })
})
