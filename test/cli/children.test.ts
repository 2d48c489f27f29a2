import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import { type TestProject, testProject } from '../support/cli.ts'
import { isRunning, until } from '../support/processes.ts'

/** Bodies that each note the process that they ran in, one after the other, and what they found there. */
function chainOf(test: TestContext, ...bodies: string[]): TestProject {
  const tasks = bodies.map(
    (body, n) => `
const Task${n} = task('Task${n}', { retry: { attempts: 1 }${n === 0 ? '' : `, requires: () => Task${n - 1}()`} }, async ({ attempt, log }) => {
  appendFileSync('pids', '${n} ' + process.pid + '\\n')
  ${body}
})`,
  )
  return testProject(test, {
    'pipelines/chain.ts': `
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { pipeline, task } from 'sluice'
${tasks.join('\n')}
export const chain = pipeline('chain', Task${bodies.length - 1})`,
  })
}

const pids = (project: TestProject) =>
  readFileSync(project.path('pids'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' '))

describe('the process of a body', () => {
  it('ends with it where it leaves something behind: the next task finds the process as this one did', async (test) => {
    const changes = [
      'setTimeout(() => { throw new Error("of another task") }, 50)',
      'setInterval(() => {}, 10)',
      "process.chdir('/')",
      "process.env.LEFT = 'behind'",
      'delete process.env.HOME',
      'process.exitCode = 7',
      'process.umask(0o777)',
      "process.on('SIGUSR2', () => {})",
      "const net = await import('node:net'); await new Promise<void>((resolve) => net.createServer().listen(0, resolve))",
      "const { spawn } = await import('node:child_process'); spawn('sleep', ['60'], { stdio: 'ignore' })",
    ]
    const look = `await sleep(60); console.log('found', process.env.LEFT, process.exitCode, process.cwd() === '/', process.umask() === 0o777, typeof process.env.HOME)`
    const project = chainOf(test, ...changes.flatMap((change) => [change, look]))
    const run = await project.json('run', 'chain')
    assert.deepEqual(run.counts, { succeeded: 2 * changes.length }, JSON.stringify(run.failed))
    const found = pids(project)
    for (const [n, change] of changes.entries()) {
      assert.notEqual(found[2 * n]?.[1], found[2 * n + 1]?.[1], change)
      assert.match((await project.sluice('logs', 'latest', `Task${2 * n}`)).stdout, /left behind: /, change)
      const next = (await project.sluice('logs', 'latest', `Task${2 * n + 1}`)).stdout
      assert.match(next, /found undefined undefined false false string/, change)
    }
  })

  it('serves the next one where nothing has changed', async (test) => {
    const project = chainOf(
      test,
      `const timer = setTimeout(() => {}, 1e6); clearTimeout(timer); await (await fetch('data:,x')).text()`,
      `log.info('x'); await sleep(5)`,
      '',
    )
    assert.deepEqual((await project.json('run', 'chain')).counts, { succeeded: 3 })
    assert.equal(new Set(pids(project).map(([, pid]) => pid)).size, 1)
  })

  it('that an earlier task ends costs the next one no retry', async (test) => {
    const late = (how: string) => `setTimeout(() => { ${how} }, 60).unref()`
    const project = chainOf(
      test,
      late('throw new Error("of the first")'),
      late('process.exit(0)').replace(/^/, 'if (attempt === 1) await sleep(300);'),
      late('Promise.reject(new Error("of the third"))').replace(/^/, 'if (attempt === 1) await sleep(300);'),
      'if (attempt === 1) await sleep(300)',
    )
    const run = await project.json('run', 'chain')
    assert.deepEqual(run.counts, { succeeded: 4 }, JSON.stringify(run.failed))
    const { tasks } = await project.json('status', 'latest')
    const ends = tasks.flatMap(
      ({ attempts }: { attempts: { outcome: string; failure: { message: string } }[] }) =>
        attempts.map(({ outcome, failure }) => `${outcome}: ${failure.message}`),
    )
    assert.deepEqual(ends.sort(), [
      'lost: an earlier task in the same process ended it: what Task0 had left running threw of the first',
      'lost: an earlier task in the same process ended it: what Task1 had left running exited with code 0',
      'lost: an earlier task in the same process ended it: what Task2 had left running threw of the third',
    ])
  })

  it('is charged to a body for what that throws without waiting for it', async (test) => {
    const project = chainOf(test, 'void Promise.reject(new TypeError("forgotten"))')
    const run = await project.json('run', 'chain')
    assert.equal(run.failed[0].outcome, 'failed')
    assert.match((await project.sluice('logs', 'latest', 'Task0')).stdout, /TypeError: forgotten/)
  })

  it('uses up no retry where it is killed from outside', async (test) => {
    const project = chainOf(
      test,
      `if (attempt < 2) process.kill(process.pid, 'SIGKILL'); await sleep(attempt < 2 ? 1e6 : 0)`,
    )
    assert.deepEqual((await project.json('run', 'chain')).counts, { succeeded: 1 })
    const { tasks } = await project.json('status', 'latest')
    assert.deepEqual(tasks[0].counts, { lost: 1 })
    assert.match(tasks[0].attempts[0].failure.message, /killed by SIGKILL from outside/)
  })
})

describe('an engine that was stopped for longer than its leases', () => {
  it('loses what its bodies did, and no retry', async (test) => {
    const project = chainOf(test, 'if (attempt === 1) await sleep(1e6)')
    const { child, ended } = project.start(['run', 'chain', '--json'])
    await until(() => existsSync(project.path('pids')))
    child.kill('SIGSTOP')
    await until(() => !isRunning(Number(pids(project)[0]?.[1])))
    child.kill('SIGCONT')
    assert.equal((await ended).code, 0)
    const { tasks } = await project.json('status', 'latest')
    assert.deepEqual(tasks[0].counts, { lost: 1 })
    assert.match(tasks[0].attempts[0].failure.message, /the lease had ended: its engine was held up/)
  })
})

describe('a machine with too few file descriptors', () => {
  it('runs fewer bodies at once, and fails none', async (test) => {
    const project = testProject(test, {
      'pipelines/many.ts': `
import { setTimeout as sleep } from 'node:timers/promises'
import { pipeline, task } from 'sluice'
import { z } from 'zod'
const One = task('One', { params: { n: z.number() }, retry: { attempts: 1 } }, () => sleep(200))
export const many = pipeline('many', task('Many', { requires: () => Array.from({ length: 30 }, (_, n) => One({ n })) }, () => {}))`,
    })
    const ended = await project.limited('ulimit -n 56', 'run', 'many', '--concurrency', '30', '--json')
    assert.equal(ended.code, 0, ended.stdout + ended.stderr)
    assert.deepEqual(JSON.parse(ended.stdout).counts, { succeeded: 31 })
    const { tasks } = await project.json('status', 'latest')
    const outcomes = new Set(tasks.flatMap(({ counts }: { counts: object }) => Object.keys(counts)))
    assert.deepEqual(outcomes, new Set(['not_started']))
  })
})
