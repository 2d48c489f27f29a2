import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ShellOrder } from '../../src/core/ports/launching.ts'
import type { ProgramDetails } from '../../src/core/program.ts'
import { makeDeployedApi } from '../../src/homes/aws/handlers/api.ts'
import { makeJobEventsHandler } from '../../src/homes/aws/handlers/job-events.ts'
import { makePlanHandler } from '../../src/homes/aws/handlers/plan.ts'
import { makeClosedShells, makeDeployedShells } from '../../src/homes/aws/handlers/shells.ts'
import { makeTickHandler } from '../../src/homes/aws/handlers/tick.ts'
import { makeRemoteControl } from '../../src/http/client.ts'
import { container, file, pipeline, task, text } from '../../src/index.ts'
import { functionUrl, memoryDeployment } from './deployment.ts'

const Words = task('ShellWords', { output: () => text('words.txt') }, ({ output }) => output.write('x'))
const Count = task('ShellCount', {}, () => 7)
const Train = container('ShellTrain', {
  requires: () => ({ words: Words(), count: Count() }),
  output: () => file('model.bin'),
  image: 'python:3.12-slim',
  command: ({ input }) => ['python', 'train.py', input.words.path],
  env: { GREETING: 'hi' },
  cpu: 1024,
  memoryMb: 900,
})
const Root = task('ShellRoot', { requires: () => Train(), output: () => text('r') }, () => {})
const PROGRAMS = {
  ShellTrain: { pool: 'default', id: '0123456789abcdef', cpu: 512, memoryMb: 2048, spot: true },
}

/** A deployment with a planned run, asked by the client of the command as a function URL is. */
async function deployment(isOpen = true) {
  const memory = memoryDeployment([pipeline('shells', Root)])
  /** What is there of the inputs. */
  const there = { files: new Set<string>(), results: new Set<string>() }
  const home = {
    ...memory.home,
    surroundings: {
      ...memory.home.surroundings,
      storage: {
        ...memory.home.surroundings.storage,
        existMany: async (paths: string[]) => paths.map((path) => there.files.has(path)),
      },
      markers: {
        read: async (ids: string[]) =>
          ids.map((id) => (there.results.has(id) ? { result: 7 } : undefined)) as never,
      },
    },
  }
  const orders: ShellOrder<ProgramDetails>[] = []
  const ends: string[] = []
  const jobs = {
    async open(order: ShellOrder<ProgramDetails>) {
      orders.push(order)
      return { is: 'opened', id: '0f1e2d3c4b5a69788796a5b4c3d2e1f0' } as const
    },
    async end(id: string) {
      ends.push(id)
      return id.startsWith('0f')
    },
  }
  const api = makeDeployedApi({
    home,
    project: memory.project,
    starter: memory.executions,
    machines: 'arn:sluice-',
    setSecret: async () => {},
    readLines: async () => ({ lines: [] }),
    stepLines: { read: async () => ({ lines: [], found: 0 }), findLog: () => undefined },
    shells: isOpen
      ? makeDeployedShells({ programs: PROGRAMS, families: 'sluice-prod-', findJobs: async () => jobs })
      : makeClosedShells('prod'),
  })
  const control = makeRemoteControl({
    base: 'https://api.example',
    fetcher: functionUrl(api, 'arn:aws:iam::1:user/ada'),
    wait: async () => {},
  })
  const plan = makePlanHandler(memory.home, memory.project, memory.executions)
  const execution = 'arn:aws:states:eu-west-2:1:execution:shells:one'
  await plan({ token: 'token', execution, name: 'one', input: {}, pipeline: 'shells' })
  const bringInputs = async () => {
    there.files.add('words.txt')
    const { tasks } = await control.tasks({ run: 'latest', task: 'ShellCount' })
    for (const each of tasks) there.results.add(each.id)
  }
  return { ...memory, control, orders, ends, bringInputs }
}

const ASKED = { run: 'latest', task: 'ShellTrain', token: 'one' }

describe('a shell that a deployment is asked for', () => {
  it('has what the program of the task is launched with, whatever became of its attempts', async (test) => {
    const log = test.mock.method(console, 'log', () => {})
    const { control, orders, ends, bringInputs } = await deployment()
    await bringInputs()
    const opened = await control.openShell(ASKED)
    assert.deepEqual(
      { ...opened, run: '' },
      {
        run: '',
        task: 'ShellTrain',
        shell: '0f1e2d3c4b5a69788796a5b4c3d2e1f0',
        image: null,
        argv: ['python', 'train.py', '/sluice/in/words.txt'],
        limitMs: 3_600_000,
      },
    )
    const [order] = orders
    assert.deepEqual(
      [order?.token, order?.target, order?.of.run, order?.details.cpu, order?.details.memoryMb],
      ['one', 'sluice-prod-default_0123456789abcdef_shell', opened.run, 1024, 900],
    )
    const { GREETING, SLUICE_ATTEMPT, SLUICE_TASK, SLUICE_OUTPUT } = order?.details.env ?? {}
    assert.deepEqual(
      [GREETING, SLUICE_ATTEMPT, SLUICE_TASK, SLUICE_OUTPUT],
      ['hi', '1', 'ShellTrain', '/sluice/out/model.bin'],
    )
    // The same request sent again asks for the same task of ECS.
    await control.openShell(ASKED)
    assert.deepEqual(orders[1], order)
    assert.deepEqual(await control.endShell({ shell: opened.shell }), { shell: opened.shell })
    assert.deepEqual(ends, [opened.shell])
    const lines = log.mock.calls.map(({ arguments: [line] }) => String(line))
    assert.ok(lines.filter((line) => line.includes('arn:aws:iam::1:user/ada')).length === 3, lines.join('\n'))
  })

  it('changes no record of its run', async (test) => {
    test.mock.method(console, 'log', () => {})
    const { control, context, bringInputs } = await deployment()
    await bringInputs()
    const all = () => context.ports.store.list({ prefix: 'task/', consistency: 'strong' })
    const before = await all()
    await control.openShell(ASKED)
    assert.deepEqual(await all(), before)
  })

  it('is not opened before its inputs are there; all that are missing are named', async () => {
    const { control, orders } = await deployment()
    await assert.rejects(control.openShell(ASKED), {
      code: 'invalid_usage',
      message: /Inputs of ShellTrain are not there yet: the result of ShellCount, \S+words\.txt\./,
      hint: /sluice status/,
    })
    assert.equal(orders.length, 0)
  })

  for (const [what, asked, error] of [
    ['a body', { task: 'ShellWords' }, { message: /ShellWords is no task in a container/, hint: /--inline/ }],
    ['a run that is not there', { run: 'nothing' }, { code: 'unknown_run' }],
    ['a task that is not there', { task: 'Nothing' }, { code: 'unknown_task' }],
    ['a request without a token of its form', { token: 'a b' }, { message: /letters, digits or hyphens/ }],
  ] as const)
    it(`is refused for ${what}`, async () => {
      const { control, orders } = await deployment()
      await assert.rejects(control.openShell({ ...ASKED, ...asked }), error)
      assert.equal(orders.length, 0)
    })

  it('is refused where the environment lets nobody in, with how to turn it on', async () => {
    const { control } = await deployment(false)
    await assert.rejects(control.openShell(ASKED), {
      message: 'The environment prod opens no shells in containers of programs.',
      hint: /shells: true in environments\.prod of the config, then sluice deploy --env prod/,
    })
  })

  it('is not ended if it is none', async () => {
    const { control } = await deployment()
    await assert.rejects(control.endShell({ shell: 'a'.repeat(32) }), { message: /There is no shell a+/ })
    await assert.rejects(control.endShell({ shell: '../runs' }), { code: 'invalid_usage' })
  })
})

describe('a shell that has stopped', () => {
  it('is no worker that crashed, and wakes no launcher', async () => {
    const woken: unknown[] = []
    const { home } = memoryDeployment([])
    const hear = makeJobEventsHandler({
      home,
      toNews: () => assert.fail('a shell was taken for an attempt'),
      wake: async (...told) => void woken.push(told),
    })
    const detail = {
      taskArn: 'arn:aws:ecs:eu-west-2:1:task/c/1',
      taskDefinitionArn: 'arn:task-definition/sluice-prod-default_0_shell:1',
      lastStatus: 'STOPPED',
      stopCode: 'EssentialContainerExited',
      startedAt: '2026-01-01T00:00:00Z',
      stoppingAt: '2026-01-01T00:10:00Z',
      containers: [{ name: 'program', exitCode: 127 }],
      startedBy: 'sluice-shell',
    }
    await hear({ source: 'aws.ecs', detail })
    assert.deepEqual(woken, [])
  })
})

describe('a tick that audits', () => {
  it('stops shells that are open for too long; one that cannot does all else, and fails', async () => {
    const { home } = memoryDeployment([])
    const done: string[] = []
    const tick = (sweepShells: () => Promise<number>) =>
      makeTickHandler({
        home,
        repair: async () => void done.push('repaired'),
        wake: async () => void done.push('woken'),
        pools: [],
        services: {},
        sweepShells,
        keep: () => {},
      })
    await tick(async () => {
      done.push('swept')
      return 1
    })({ audit: true })
    assert.deepEqual(done.splice(0), ['swept', 'repaired', 'woken'])
    await assert.rejects(
      tick(() => Promise.reject(new Error('ECS does not answer')))({ audit: true }),
      /ECS does not answer/,
    )
    assert.deepEqual(done, ['repaired', 'woken'])
  })
})
