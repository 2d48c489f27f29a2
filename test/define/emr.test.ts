import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { day, emrServerless, emrStep, file, folder, json } from '../../src/index.ts'
import { testProject } from '../support/cli.ts'

/** Compiles only if both types are the same. */
function same<A, B>(..._: [A] extends [B] ? ([B] extends [A] ? [] : [never]) : [never]): void {}

const Typed = emrServerless('TypedJob', {
  params: { date: day() },
  output: ({ date }) => ({ clicks: folder(`clicks/${date}/`, { marker: '_SUCCESS' }), log: file('log') }),
  application: '00fkht2eodujab09',
  job: ({ params, input, output }) => {
    same<typeof params, { date: string }>()
    same<typeof input, undefined>()
    // @ts-expect-error a job of the service has no paths
    output.clicks.path
    return { script: 's.py', arguments: [params.date, output.clicks.uri] }
  },
})
emrStep('TypedStep', {
  requires: () => ({ typed: Typed({ date: '2015-05-18' }) }),
  output: () => json<{ n: number }>('x.json'),
  cluster: { name: 'nightly' },
  step: ({ input, output }) => ({ script: 's.py', arguments: [input.typed.clicks.uri, output.uri] }),
  local: ({ input, output }) => ['cp', input.typed.log.path, output.path],
})

const config = (emr: string) =>
  `import { defineConfig } from 'sluice'\nexport default defineConfig({ name: 'jobs', pipelines: ['pipelines/*.ts'], emr: ${emr}, environments: { prod: { region: 'eu-west-2' } } })\n`
const jobs = (definitions: string) => ({
  'sluice.config.ts': config(
    "{ clicks: { release: 'emr-7.5.0', maximumCapacity: { vcpu: 4, memoryGb: 16 } } }",
  ),
  'pipelines/all.ts': `
import { emrServerless, emrStep, file, folder, pipeline, task, text } from 'sluice'
const sh = (script: string) => ['sh', '-c', script]
const job = () => ({ script: 'a.py' })
${definitions}
`,
})

describe('a job of EMR on one machine', () => {
  it('runs its local command in the project: it reads targets and writes a folder with its marker', async (test) => {
    const project = testProject(
      test,
      jobs(`
const Words = task('Words', { output: () => text('words.txt') }, ({ output }) => output.write('w'))
const Parts = emrServerless('Parts', { requires: () => Words(), output: () => folder('parts/', { marker: '_SUCCESS' }), application: 'clicks', job,
  local: ({ input, output }) => sh(\`mkdir \${output.path} && cp \${input.path} \${output.path}/part-0 && test -f sluice.config.ts && touch \${output.path}/_SUCCESS\`) })
const Step = emrStep('Step', { requires: () => Parts(), output: () => ({ a: file('a.txt'), b: file('b/b.txt') }), cluster: 'j-2AXXXXXXGAPLF', step: job,
  local: ({ input, output }) => sh(\`cp \${input.path}/part-0 \${output.a.path}; echo "$SLUICE_TASK" > \${output.b.path}\`) })
export const all = pipeline('all', Step)`),
    )
    const { code, stdout, stderr } = await project.sluice('run', 'all')
    assert.equal(code, 0, stdout + stderr)
    assert.equal(readFileSync(project.path('data/a.txt'), 'utf8'), 'w')
    assert.equal(readFileSync(project.path('data/b/b.txt'), 'utf8'), 'Step\n')
    assert.ok(existsSync(project.path('data/parts/_SUCCESS')))
    assert.deepEqual(globSync('data/**/.*.tmp', { cwd: project.folder }), [])
    assert.match((await project.sluice('run', 'all')).stdout, /Nothing to do/)
  })

  it('fails without its marker or its output, and publishes nothing', async (test) => {
    const project = testProject(
      test,
      jobs(`
const base = { application: 'clicks', job, retry: { attempts: 1 } }
export const w0 = pipeline('w0', emrServerless('W0', { ...base, output: () => folder('f', { marker: '_SUCCESS' }), local: ({ output }) => sh(\`mkdir \${output.path}\`) }))
export const w1 = pipeline('w1', emrServerless('W1', { ...base, output: () => file('g'), local: () => sh('true') }))
export const w2 = pipeline('w2', emrServerless('W2', { ...base, output: () => file('h'), local: ({ output }) => sh(\`touch \${output.path}; exit 3\`) }))
export const w3 = pipeline('w3', emrServerless('W3', { ...base, output: () => file('i'), local: () => ['there-is-none'] }))
export const w4 = pipeline('w4', emrServerless('W4', { ...base, output: () => file('j'), local: () => [] as string[] }))`),
    )
    const messages = [
      /the command ended well but its output has no _SUCCESS: .*\/out\/f/,
      /the command ended well but its output is missing: .*\/out\/g/,
      /sh exited with code 3/,
      /there-is-none could not be started/,
      /local threw: TypeError: command must return a list of texts/,
    ]
    for (const [index, message] of messages.entries()) {
      const { code, stdout, stderr } = await project.sluice('run', `w${index}`)
      assert.equal(code, 1, stdout + stderr)
      assert.match(stdout + stderr, message)
    }
    assert.deepEqual(globSync('data/**/*', { cwd: project.folder }), [])
  })

  it('is refused without a local, in one message and before anything runs', async (test) => {
    const project = testProject(
      test,
      jobs(`
const First = task('First', {}, () => { console.log('ran') })
const None = emrServerless('None', { requires: () => First(), application: 'clicks', job })
const Other = emrStep('Other', { requires: () => None(), cluster: { name: 'nightly' }, step: job })
export const all = pipeline('all', Other)`),
    )
    const { code, stderr } = await project.sluice('run', 'all')
    assert.equal(code, 2)
    assert.match(
      stderr,
      /without `local` do not run on one machine: (None, Other|Other, None)\. Nothing was started/,
    )
    assert.deepEqual(await project.jsonLines('runs'), [])
    assert.equal((await project.sluice('plan', 'all')).code, 0)
  })

  it('is told all that is wrong at once', async (test) => {
    const project = testProject(
      test,
      jobs(`
const Bad = emrServerless('Bad', { application: 'other', job: 'x' as never, local: [1] as never, fresh: 'run' } as never)
const transient = { release: 'emr-7.5.0', instanceType: 'm5.xlarge', instances: 2 }
export const own = pipeline('own', emrStep('Own', { cluster: { transient: { ...transient, subnet: 'b', ami: 1 } as never }, role: 'arn:aws:iam::123456789012:role/clicks', logs: 'logs/emr', step: job }))
export const named = pipeline('named', emrStep('Named', { cluster: { name: 'nightly', tags: { team: '' } }, step: job }))
const Worse = emrStep('Worse', { cluster: 'k-1', role: 'clicks', step: job, local: { image: 'Not An Image', mounts: 1 } as never, job } as never)
export const bad = pipeline('bad', task('Root', { requires: () => [Bad(), Worse()] }, () => undefined))`),
    )
    const { stderr } = await project.sluice('run', 'bad')
    for (const message of [
      /there is no application other; `emr` of the config has clicks/,
      /job must be a function/,
      /local must be a command/,
      /there is no option fresh; .*application, job, local/,
      /cluster must be an id such as/,
      /subnet of a transient cluster must be a name of AWS/,
      /there is no option ami of a transient cluster; there are release, .*, subnet/,
      /a step of a transient cluster has the role of its machines: say instanceProfile/,
      /logs must be the log folder of the cluster/,
      /Named.*cluster must be an id such as/s,
      /local: image "Not An Image" is no reference/,
      /local: there is no option mounts/,
      /there is no option job; .*cluster, role, logs, step, local/,
      /role must be the ARN of a role/,
    ])
      assert.match(stderr, message)
  })
})

it('checks the applications of the config', async (test) => {
  const project = testProject(test, {
    'sluice.config.ts': config("{ clicks: { release: '7', architecture: 'arm' } }"),
    'pipelines/all.ts': 'export {}',
  })
  const { code, stderr } = await project.sluice('pipelines')
  assert.equal(code, 2)
  assert.match(stderr, /emr\.clicks\.release: must be a release of EMR such as emr-7\.5\.0/)
  assert.match(stderr, /emr\.clicks\.architecture/)
})
