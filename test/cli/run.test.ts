import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { testProject } from '../support/cli.ts'

const ISOLATED = `
import { existsSync } from 'node:fs'
import { pipeline, task, text } from 'sluice'
import { z } from 'zod'
const retry = { attempts: 2, delaySeconds: 0 }
const isFixed = () => existsSync('fixed')
const Good = task('Good', { params: { n: z.number() }, output: ({ n }) => text(\`good/\${n}.txt\`) },
  async ({ params, output }) => output.write(String(params.n)))
const Bad = task('Bad', { retry, output: () => text('bad.txt') }, async ({ output }) => {
  console.error('about to fail')
  await output.write('half')
  if (!isFixed()) throw new Error('the wire is cut')
})
const AfterBad = task('AfterBad', { requires: () => Bad(), output: () => text('after.txt') },
  async ({ input, output }) => output.write(await input.read()))
const BadRequires = task('BadRequires', {
  requires: () => { if (!isFixed()) throw new Error('no such thing'); return Good({ n: 9 }) },
  output: () => text('required.txt') }, async ({ output }) => output.write('x'))
const All = task('All', {
  requires: () => ({ goods: [1, 2].map((n) => Good({ n })), bad: AfterBad(), required: BadRequires() }),
  output: () => text('all.txt') },
  async ({ input, output }) => output.write((await Promise.all(input.goods.map((good) => good.read()))).join()))
export const isolated = pipeline('isolated', All)
`

describe('run', () => {
  it('runs a pipeline, and has nothing to do the second time', async (test) => {
    const project = testProject(test, {})
    await project.sluice('init', 'fresh')
    const files = { 'pipelines/hello.ts': readFileSync(project.path('fresh/pipelines/hello.ts'), 'utf8') }
    const hello = testProject(test, files)
    const first = await hello.sluice('run', 'hello', '--name', 'you')
    assert.equal(first.code, 0, first.stderr)
    assert.match(first.stdout, /2 succeeded/)
    assert.equal(readFileSync(hello.path('data/hello/you/hello.txt'), 'utf8'), 'Hello, you!\n')
    const second = await hello.sluice('run', 'hello', '--name', 'you')
    assert.equal(second.code, 0)
    assert.match(second.stdout, /Nothing to do: Hello\(name=you\) is complete/)
    assert.equal((await hello.json('runs')).run, `hello-${first.stdout.match(/hello-([0-9a-f]+-1)/)?.[1]}`)
  })

  it('fails in isolation, says why and what did not run, and goes on with retry', async (test) => {
    const project = testProject(test, {
      'pipelines/isolated.ts': ISOLATED,
      'pipelines/broken.ts': 'export const x = pipeline((',
    })
    const failed = await project.sluice('run', 'isolated')
    assert.equal(failed.code, 1)
    assert.match(failed.stderr, /broken\.ts did not load/)
    assert.match(failed.stdout, /Bad: the wire is cut \(2 attempts\)\n {4}\| about to fail/)
    assert.match(failed.stdout, /BadRequires: requires threw: no such thing/)
    assert.match(failed.stdout, /Did not run because of it:\n {2}All\n {2}AfterBad/)
    assert.match(failed.stdout, /sluice retry isolated-/)
    assert.deepEqual(readdirSync(project.path('data/good')), ['1.txt', '2.txt'])
    assert.equal(existsSync(project.path('data/bad.txt')), false)
    writeFileSync(project.path('fixed'), '')
    const retried = await project.sluice('retry', 'latest')
    assert.equal(retried.code, 0, retried.stdout)
    assert.doesNotMatch(retried.stdout, /start +Good\(n=[12]\)/)
    assert.equal(readFileSync(project.path('data/all.txt'), 'utf8'), '1,2')
  })

  it('retries one task alone with --task', async (test) => {
    const project = testProject(test, { 'pipelines/isolated.ts': ISOLATED })
    await project.sluice('run', 'isolated')
    writeFileSync(project.path('fixed'), '')
    const retried = await project.sluice('retry', 'latest', '--task', 'Bad')
    assert.equal(retried.code, 0, retried.stdout)
    assert.equal(readFileSync(project.path('data/bad.txt'), 'utf8'), 'half')
    assert.equal(existsSync(project.path('data/after.txt')), false)
  })

  it('runs bodies in its own process with --inline', async (test) => {
    const project = testProject(test, {
      'pipelines/pid.ts': `
import { json, pipeline, task } from 'sluice'
const Pid = task('Pid', { output: () => json('pid.json') }, async ({ output }) => {
  console.log('in line')
  await output.write({ isChild: process.send !== undefined })
})
export const pid = pipeline('pid', Pid)`,
    })
    assert.equal((await project.sluice('run', 'pid', '--inline')).code, 0)
    assert.deepEqual(JSON.parse(readFileSync(project.path('data/pid.json'), 'utf8')), { isChild: false })
    assert.match((await project.sluice('logs', 'latest')).stdout, /in line/)
  })

  it('exits 4 when nothing can start, and goes on when the target has come', async (test) => {
    const project = testProject(test, {
      'pipelines/waits.ts': `
import { external, pipeline, task, text } from 'sluice'
const There = external('There', { output: () => text('there.txt'), pollSeconds: 0.1 })
const Waits = task('Waits', { requires: () => There(), output: () => text('waits.txt') },
  async ({ input, output }) => output.write(await input.read()))
export const waits = pipeline('waits', Waits)`,
    })
    const waiting = await project.sluice('run', 'waits', '--wait', '500ms')
    assert.equal(waiting.code, 4)
    assert.match(waiting.stdout, /There: its target is not there yet: file:\/\/.*there\.txt/)
    project.write('data/there.txt', 'here')
    assert.equal((await project.sluice('run', 'waits')).code, 0)
    assert.equal(readFileSync(project.path('data/waits.txt'), 'utf8'), 'here')
  })

  it('does not give up while something could start, however slow this machine is', async (test) => {
    const project = testProject(test, {
      'pipelines/steps.ts': `
import { pipeline, task, text } from 'sluice'
const First = task('First', { output: () => text('first.txt') }, ({ output }) => output.write('1'))
const Second = task('Second', { requires: () => First(), output: () => text('second.txt') },
  async ({ input, output }) => output.write(await input.read()))
export const steps = pipeline('steps', Second)`,
    })
    const { code, stdout } = await project.sluice('run', 'steps', '--wait', '1ms')
    assert.equal(code, 0, stdout)
  })

  it('names failures before what it waits for, and how to go on with a run that is open', async (test) => {
    const project = testProject(test, {
      'pipelines/waits.ts': `
import { external, pipeline, task, text } from 'sluice'
const There = external('There', { output: () => text('there.txt') })
const Bad = task('Bad', { retry: { attempts: 1 } }, () => { throw new Error('the wire is cut') })
const Both = task('Both', { requires: () => ({ there: There(), bad: Bad() }) }, () => {})
export const both = pipeline('both', Both)`,
    })
    const { code, stdout } = await project.sluice('run', 'both', '--wait', '1s')
    assert.equal(code, 4)
    assert.match(
      stdout,
      /Failed:\n {2}Bad: the wire is cut[\s\S]*Nothing could start[\s\S]*There: its target is not there yet/,
    )
    assert.match(stdout, /Go on, once the cause is removed: sluice retry both-/)
    assert.match((await project.sluice('status', 'latest')).stdout, /sluice retry both-/)
  })

  it('that is open with a failure is tried again: the next run makes what failed and what is below', async (test) => {
    const project = testProject(test, {
      'pipelines/waits.ts': `
import { existsSync } from 'node:fs'
import { external, pipeline, task, text } from 'sluice'
const There = external('There', { output: () => text('there.txt'), pollSeconds: 0.1 })
const Good = task('Good', { output: () => text('good.txt') }, async ({ output }) => output.write('g'))
const Bad = task('Bad', { retry: { attempts: 1 }, output: () => text('bad.txt') }, async ({ output }) => {
  if (!existsSync('repaired')) throw new Error('the wire is cut')
  await output.write('b')
})
const Both = task('Both', { requires: () => ({ there: There(), bad: Bad(), good: Good() }) }, () => {})
export const both = pipeline('both', Both)`,
    })
    assert.equal((await project.sluice('run', 'both', '--wait', '1s')).code, 4)
    project.write('repaired', '')
    assert.equal((await project.sluice('retry', 'latest', '--wait', '1s')).code, 4)
    const [second, first] = (await project.sluice('runs', '--json')).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual([first.status, second.status], ['cancelled', 'running'])
    project.write('data/there.txt', '')
    const ended = await project.json('retry', 'latest')
    assert.deepEqual(ended.counts, { succeeded: 2, complete: 2 })
    assert.equal(ended.id ?? ended.run, second.id ?? second.run)
  })

  it('that still runs something is not stopped without a word', async (test) => {
    const project = testProject(test, {
      'pipelines/slow.ts': `
import { pipeline, task } from 'sluice'
const Slow = task('Slow', {}, async ({ signal, log }) => {
  log.info('begun')
  while (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 20))
  throw new Error('stopped')
})
const Bad = task('Bad', { retry: { attempts: 1 } }, () => { throw new Error('the wire is cut') })
const Both = task('Both', { requires: () => [Slow(), Bad()] }, () => {})
export const both = pipeline('both', Both)`,
    })
    const running = project.start(['run', 'both'])
    const counts = async () => {
      const { code, stdout } = await project.sluice('status', 'latest', '--json')
      return code === 0 ? JSON.parse(stdout).counts : {}
    }
    for (let now = await counts(); !(now.failed === 1 && now.running === 1); ) now = await counts()
    const { code, stderr } = await project.sluice('retry', 'latest')
    assert.equal(code, 2)
    assert.match(stderr, /1 task of it still runs\. Nothing was stopped\.\nnext: .*--yes/)
    assert.equal((await project.json('status', 'latest')).status, 'running')
    running.child.kill('SIGINT')
    assert.equal((await running.ended).code, 4)
  })

  it('gathers more upstreams than a record holds, and fails what depends on one that failed', async (test) => {
    const project = testProject(test, {
      'pipelines/wide.ts': `
import { json, pipeline, task, text } from 'sluice'
import { z } from 'zod'
const Leaf = task('Leaf', { params: { n: z.number() }, retry: { attempts: 1 }, output: ({ n }) => text(\`leaf/\${n}\`) },
  async ({ params, output }) => { if (params.n === 1_150) throw new Error('one of many'); await output.write('x') })
const Wide = task('Wide', { params: { size: z.number() }, requires: ({ size }) => Array.from({ length: size }, (_, n) => Leaf({ n })), output: ({ size }) => json(\`wide/\${size}.json\`) },
  async ({ input, output }) => output.write(input.length))
export const wide = pipeline('wide', Wide)`,
    })
    const good = await project.json('run', 'wide', '--size', '1100', '--inline', '--concurrency', '32')
    assert.deepEqual(good.counts, { succeeded: 1_101 })
    const bad = await project.json('run', 'wide', '--size', '1200', '--inline', '--concurrency', '32')
    assert.deepEqual(bad.counts, { upstream_failed: 1, complete: 1_100, succeeded: 99, failed: 1 })
    assert.deepEqual(bad.notRun, ['Wide(size=1200)'])
  })

  it('fails an external task at its timeout', async (test) => {
    const project = testProject(test, {
      'pipelines/waits.ts': `
import { external, pipeline, text } from 'sluice'
const There = external('There', { output: () => text('there.txt'), pollSeconds: 0.1, timeoutSeconds: 0.3 })
export const waits = pipeline('waits', There)`,
    })
    const failed = await project.sluice('run', 'waits')
    assert.equal(failed.code, 1)
    assert.match(failed.stdout, /did not appear within 0.3 s/)
  })
})
