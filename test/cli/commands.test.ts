import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type TestProject, testProject } from '../support/cli.ts'
import { isRunning } from '../support/processes.ts'

const sh = (script: string) => ['sh', '-c', script]
const planned = (...tasks: object[]) =>
  [{ plan: 1, pipeline: 'demo' }, ...tasks].map((line) => JSON.stringify(line)).join('\n')

function planOf(test: TestContext, ...tasks: object[]): TestProject {
  return testProject(test, { 'plan.jsonl': planned(...tasks) })
}

const run = (project: TestProject, ...flags: string[]) =>
  project.json('run', '--plan', 'plan.jsonl', ...flags)

async function pidIn(project: TestProject, name: string): Promise<number> {
  for (;;) {
    if (existsSync(project.path(name))) {
      const pid = Number(readFileSync(project.path(name), 'utf8'))
      if (pid > 0) return pid
    }
    await sleep(10)
  }
}

describe('the end of a command', () => {
  it('is its own exit: what it left running is ended, also outside of its group and where it holds the output', async (test) => {
    const left = {
      plain: 'sleep 600 & echo $! > plain; echo done',
      quiet: 'sleep 600 >/dev/null 2>&1 & echo $! > quiet',
      outside:
        "setsid sh -c 'echo $$ > outside; exec sleep 600' & while ! test -s outside; do sleep 0.01; done",
      silent:
        "setsid sh -c 'echo $$ > silent; exec sleep 600' >/dev/null 2>&1 & while ! test -s silent; do sleep 0.01; done",
    }
    const tasks = Object.entries(left).map(([task, script]) => ({
      task,
      command: sh(script),
      timeoutSeconds: 300,
    }))
    const project = planOf(test, ...tasks)
    const ended = await run(project)
    assert.deepEqual(ended.counts, { succeeded: 4 })
    for (const name of Object.keys(left)) assert.equal(isRunning(await pidIn(project, name)), false, name)
  })

  it('comes with its timeout, whatever it has started', async (test) => {
    const project = planOf(test, {
      task: 'stuck',
      command: sh('setsid sh -c \'trap "" TERM; echo $$ > stuck; while :; do sleep 1; done\''),
      timeoutSeconds: 1,
      retry: { attempts: 1 },
    })
    const ended = await run(project)
    assert.match(ended.failed[0].message, /longer than its timeout of 1 s/)
    assert.equal(isRunning(await pidIn(project, 'stuck')), false)
  })

  it('leaves what was asked to stop its time', async (test) => {
    const project = planOf(test, {
      task: 'cleans',
      command: sh(
        `sh -c 'trap "sleep 0.3; echo cleaned > cleaned; exit" TERM; echo $$ > pid; while :; do sleep 0.05; done'; true`,
      ),
      timeoutSeconds: 1,
      retry: { attempts: 1 },
    })
    assert.match((await run(project)).failed[0].message, /timeout of 1 s/)
    assert.equal(readFileSync(project.path('cleaned'), 'utf8'), 'cleaned\n')
  })

  it('has a timeout of months where it is declared', async (test) => {
    const project = testProject(test, {
      'plan.jsonl': planned({ task: 'slow', command: sh('sleep 0.2'), timeoutSeconds: 25 * 24 * 60 * 60 }),
      'pipelines/slow.ts': `
import { setTimeout as sleep } from 'node:timers/promises'
import { pipeline, task } from 'sluice'
import { z } from 'zod'
export const slow = pipeline('slow', task('Slow', { params: { n: z.number() }, timeoutSeconds: 50 * 24 * 60 * 60 }, () => sleep(200)))`,
    })
    assert.deepEqual((await run(project)).counts, { succeeded: 1 })
    assert.deepEqual((await project.json('run', 'slow', '--n', '1')).counts, { succeeded: 1 })
    assert.deepEqual((await project.json('run', 'slow', '--n', '2', '--inline')).counts, { succeeded: 1 })
  })
})

describe('the output of a command', () => {
  it('is not read faster than it is kept: 300 MB do not pile up in memory', async (test) => {
    const project = planOf(test, {
      task: 'floods',
      // The parent of a command is its host.
      command: sh(
        `yes ${'0123456789'.repeat(100)} | head -c 300000000; grep VmHWM /proc/$PPID/status > peak`,
      ),
    })
    assert.deepEqual((await run(project)).counts, { succeeded: 1 })
    const peakMb = Number(/(\d+) kB/.exec(readFileSync(project.path('peak'), 'utf8'))?.[1]) / 1024
    assert.ok(peakMb < 150, `the host took ${peakMb} MB`)
  })
})

describe('a command that is killed from outside', () => {
  it('uses up no retry, whoever killed it and with whatever signal', async (test) => {
    const project = planOf(
      test,
      ...['KILL', 'TERM', 'HUP'].map((signal) => ({
        task: signal,
        command: sh(`test $SLUICE_ATTEMPT = 2 || kill -${signal} $$`),
        retry: { attempts: 1 },
      })),
      { task: 'SEGV', command: sh('kill -SEGV $$'), retry: { attempts: 1 } },
    )
    const ended = await run(project)
    assert.deepEqual(ended.counts, { succeeded: 3, failed: 1 })
    const { tasks } = await project.json('status', 'latest')
    const counts = Object.fromEntries(
      tasks.map((each: { task: string; counts: object }) => [each.task, each.counts]),
    )
    assert.deepEqual(counts, {
      KILL: { lost: 1 },
      TERM: { interrupted: 1 },
      HUP: { interrupted: 1 },
      SEGV: { failed: 1 },
    })
  })
})

describe('a machine with too few file descriptors', () => {
  it('runs fewer commands at once, and fails none', async (test) => {
    const tasks = Array.from({ length: 64 }, (_, n) => ({
      task: `t${n}`,
      command: sh('sleep 0.3'),
      retry: { attempts: 1 },
    }))
    const project = planOf(test, ...tasks)
    const ended = await project.limited(
      'ulimit -n 64',
      'run',
      '--plan',
      'plan.jsonl',
      '--concurrency',
      '64',
      '--json',
    )
    assert.equal(ended.code, 0, ended.stdout + ended.stderr)
    assert.deepEqual(JSON.parse(ended.stdout).counts, { succeeded: 64 })
  })
})
