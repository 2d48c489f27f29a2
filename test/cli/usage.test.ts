import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { testProject } from '../support/cli.ts'

const DAYS = `
import { day, insignificant, pipeline, task, text } from 'sluice'
import { z } from 'zod'
const Days = task('Days', {
  params: { date: day(), howMany: z.number().int().default(1), isLoud: z.boolean().default(false),
    kind: z.enum(['a', 'b']).default('a'), more: z.object({ x: z.number() }).optional(), from: insignificant(z.string().default('here')) },
  output: ({ date, howMany, isLoud, kind, more }) => text(\`\${date}/\${howMany}-\${isLoud}-\${kind}-\${more?.x}.txt\`),
}, async ({ output, params }) => output.write(params.from))
export const days = pipeline('days', Days)
`

/** Wrong use: what is typed, the exit code, what is said. */
const WRONG: [args: string[], code: number, says: RegExp][] = [
  [['rnu'], 2, /unknown command 'rnu'\n\(Did you mean run\?\)/],
  [
    ['run', 'dayz'],
    2,
    /No pipeline or task is called dayz\. Did you mean days\?\nnext: There are: days, Days/,
  ],
  [['run', 'days'], 2, /date is required/],
  [['run', 'days', '--date', '2014-02-30'], 2, /"2014-02-30" is not a day that exists/],
  [['run', 'days', '--dat', '2014-02-03'], 2, /unknown option '--dat'\n\(Did you mean.*--date/],
  [['run', 'days', '--date', '2014-02-03', '--how-many', 'many'], 2, /howMany: .*expected number/],
  [['run', 'days', '--date', '2014-02-03', '--kind', 'c'], 2, /kind: .*"a"\|"b"/],
  [['run', 'days', '--date', '2014-02-03', '--more', '{x'], 2, /more takes JSON/],
  [['run', 'days', '--date', '2014-02-03', '-p', 'date=2014-02-04'], 2, /parameter date is given twice/],
  [['run', 'days', '-p', 'date=2014-02-03', '-p', 'date=2014-02-04'], 2, /parameter date is given twice/],
  [
    ['run', 'days', '--date', '2014-02-03', '--date', '2014-02-04'],
    2,
    /given twice: 2014-02-03 and 2014-02-04/,
  ],
  [['run', 'days', '-p', 'dates=2014-02-03'], 2, /No parameter is called dates\. Did you mean date\?/],
  [['run', 'days', '-p', 'date'], 2, /takes name=value/],
  [['run', 'days', '--date', 'today', '--concurrency', '0'], 2, /whole number of 1 or more/],
  [['run', 'days', '--date', 'today', '--wait', 'soon'], 2, /duration such as 90s/],
  [['run', 'days', '--date', 'today', '--wait', '90'], 2, /90 has no unit: write 90s, 90m, 90h or 90d/],
  [['prune', '--older-than', '30'], 2, /30 has no unit: write 30s, 30m, 30h or 30d/],
  [['runs', '--since', 'tomorrow'], 2, /It takes 2h or 7d \(so long ago\), 2026-05-17/],
  [['why', 'latest'], 2, /missing required argument 'task'\nnext: add --help/],
  [
    ['run', 'Days', '--date', 'today', '--state', '/proc/none/state'],
    3,
    /\/proc\/none\/state cannot be written/,
  ],
  [['run', ''], 2, /No pipeline or task is called ""\.\nnext: There are: days, Days/],
  [['run', 'other'], 2, /No pipeline or task is called other\.\nnext: There are/],
  [
    ['run', 'days', '--date', 'today', '--env', 'dev'],
    2,
    /dev is on one machine: it has no region\.\nnext: Without --env/,
  ],
  [['status', 'latest'], 2, /There are no runs in the state/],
  [['secrets', 'set', 'a b'], 2, /cannot be a secret's name/],
  [['run', 'days', '--date', 'today', '--config', 'none.ts'], 2, /There is no config .*none\.ts/],
]

describe('wrong use', () => {
  for (const [args, code, says] of WRONG)
    it(`sluice ${args.join(' ')}`, async (test) => {
      const ended = await testProject(test, { 'pipelines/days.ts': DAYS }).sluice(...args)
      assert.equal(ended.code, code)
      assert.match(ended.stderr, says)
      assert.doesNotMatch(ended.stderr, /\n {4}at /)
    })
})

it('is told as JSON with --json', async (test) => {
  const project = testProject(test, { 'pipelines/days.ts': DAYS })
  const flag = await project.sluice('run', 'days', '--dat', 'x', '--json')
  assert.deepEqual([flag.code, JSON.parse(flag.stderr).error], [2, 'invalid_usage'])
  const name = await project.sluice('run', 'dayz', '--json')
  assert.deepEqual([name.code, JSON.parse(name.stderr).error], [2, 'unknown_name'])
})

describe('parameters', () => {
  it('are flags in kebab-case, today is resolved, and insignificant ones do not change the run', async (test) => {
    const project = testProject(test, { 'pipelines/days.ts': DAYS })
    const flags = ['--how-many', '2', '--is-loud', '--kind', 'b', '--more', '{"x":3}']
    const first = await project.json('run', 'days', '--date', 'today', ...flags, '--from', 'there')
    const today = new Date().toISOString().slice(0, 10)
    assert.deepEqual(first.params, {
      date: today,
      howMany: 2,
      isLoud: true,
      kind: 'b',
      more: { x: 3 },
      from: 'there',
    })
    const second = await project.json(
      'run',
      'days',
      '-p',
      `date=${today}`,
      '-p',
      'howMany=2',
      '-p',
      'isLoud=true',
      '-p',
      'kind=b',
      '-p',
      'more={"x":3}',
    )
    assert.equal(second.status, 'complete')
    const third = await project.json('run', 'days', '--date', today, ...flags, '--no-is-loud')
    assert.equal(third.status, 'succeeded')
  })
})

describe('config', () => {
  it('that does not load says where', async (test) => {
    const project = testProject(test, { 'sluice.config.ts': 'export default { pipelines: [ }' })
    const ended = await project.sluice('run', 'x')
    assert.equal(ended.code, 2)
    assert.match(ended.stderr, /The config .*sluice\.config\.ts does not load: .*sluice\.config\.ts:1/)
  })

  it('tells all problems of all definitions at once', async (test) => {
    const project = testProject(test, {
      'sluice.config.ts': `
import { defineConfig, task, pipeline } from 'sluice'
import { z } from 'zod'
const A = task('A b', { params: { json: z.string(), n: 3 as never }, retry: { attempts: 0 }, poool: 'x' } as never, undefined as never)
const B = task('B', {}, () => {}); const B2 = task('B', {}, () => {})
export default defineConfig({ pipelines: [pipeline('P Q', A), pipeline('b', B), pipeline('b', B2)], poools: {} } as never)`,
    })
    const { code, stderr } = await project.sluice('pipelines')
    assert.equal(code, 2)
    for (const says of [
      'no setting poools',
      'pipeline "P Q"',
      'a family is',
      'no option poool',
      'its body',
      'the flag --json',
      'zod schema',
      'retry.attempts',
      '2 pipelines are called b',
      '2 tasks are called B',
    ])
      assert.ok(stderr.includes(says), `${says} in:\n${stderr}`)
  })

  it('is refused where two tasks write one output or require each other, before anything runs', async (test) => {
    const project = testProject(test, {
      'pipelines/wrong.ts': `
import { pipeline, task, text, type TaskInstance } from 'sluice'
const One = task('One', { output: () => text('same.txt') }, () => {})
const Two = task('Two', { output: () => text('same.txt') }, () => {})
const Both = task('Both', { requires: () => [One(), Two()] }, () => {})
export const same = pipeline('same', Both)
const Hen = task('Hen', { requires: (): TaskInstance => Egg() }, () => {})
const Egg = task('Egg', { requires: (): TaskInstance => Hen() }, () => {})
export const cycle = pipeline('cycle', Hen)`,
    })
    const same = await project.sluice('run', 'same')
    assert.equal(same.code, 2)
    assert.match(same.stderr, /One and Two have the same output file:/)
    const cycle = await project.sluice('run', 'cycle')
    assert.equal(cycle.code, 2)
    assert.match(cycle.stderr, /Hen → Egg → Hen/)
    assert.match((await project.sluice('runs')).stdout, /No runs yet/)
  })
})
