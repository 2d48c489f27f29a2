import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { isLuigiFamily, parseFamilyOfTask } from '../../src/core/identity.ts'
import { NO_LIMITS } from '../../src/core/limits.ts'
import type { PlannedTask } from '../../src/core/plan.ts'
import { makePlanHandler } from '../../src/homes/aws/handlers/plan.ts'
import { luigi, secret } from '../../src/index.ts'
import { readLuigiYield } from '../../src/planning/luigi/luigi-yield.ts'
import { type BundledProgram, findBundledProgram } from '../../src/project/bundled.ts'
import { memoryDeployment } from './deployment.ts'

const families = {
  Root: { memoryMb: 900 },
  Query: { pool: 'slow', secrets: { api_key: secret('graph/key') }, retry: { attempts: 5 } },
}
const reports = luigi('reports', {
  module: 'reports',
  task: 'Root',
  params: { date: z.string() },
  image: 'reports:7',
  python: 'python3.11',
  families,
})

/** The planning task of a run, as the plan function makes it. */
async function planned() {
  const { home, project, executions, context } = memoryDeployment([reports])
  const plan = makePlanHandler(home, project, executions)
  const input = { date: '2026-01-31' }
  await plan({
    token: 't',
    execution: 'arn:aws:states:x:1:execution:reports:one',
    name: 'one',
    input,
    pipeline: 'reports',
  })
  const [run] = await context.ports.store.list({ prefix: 'run/', consistency: 'strong' })
  const id = run?.record.kind === 'run' ? run.record.id : ''
  const header = await context.ports.plans.header(id)
  assert.equal(header?.size, 1)
  const [task] = await context.ports.plans.tasks(id, [0])
  assert.ok(task)
  const read = (text: string) =>
    readLuigiYield(
      text,
      {
        run: id,
        task,
        attempt: 1,
        nonce: 'n',
        upstreams: [],
        dependencies: [],
        memoryMb: undefined,
      } as never,
      {
        ...home.definitions,
        limits: { ...NO_LIMITS, pools: { default: {}, slow: {} } },
        tasks: new Map(),
        luigiFamilies: { reports: families },
      },
    )
  return { task, read }
}

const lines = (...all: object[]) => all.map((each) => JSON.stringify(each)).join('\n')
const HEAD = { roots: ['r'], resources: { lamp: 3 }, retries: 4 }
const program = (id: string): BundledProgram => ({ pool: 'p', id, cpu: 256, memoryMb: 512, spot: true })
const PROGRAMS = {
  reports: program('plans'),
  'reports/': program('others'),
  'reports/Query': program('queries'),
}
const idOf = (task: Pick<PlannedTask, 'family' | 'command'>) => findBundledProgram(PROGRAMS, task)?.id

describe('a run of Luigi on AWS', () => {
  it('has one task, which asks the image for all others', async () => {
    const { task } = await planned()
    assert.equal(task.label, 'plan of Root(date=2026-01-31)')
    assert.equal(task.container?.entryPoint, 'python3.11')
    assert.deepEqual(task.container?.argv?.slice(0, 3), ['-u', '/sluice/in/sluice_luigi.py', 'plan-in-run'])
    // No path of the machine that plans is part of it.
    assert.deepEqual(task.container?.inputs, [{ uri: 'sluice:sluice_luigi.py', at: 'sluice_luigi.py' }])
    assert.equal(task.policy.memoryMb, 900)
    assert.equal(idOf(task), 'plans')
  })

  it('gets the tasks that it yields, as the config says of their families', async () => {
    const { read } = await planned()
    const { roots, found } = await read(
      lines(
        HEAD,
        { id: 'r', family: 'Root', module: 'reports', params: {}, deps: ['q', 'x'] },
        { id: 'q', family: 'Query', module: 'reports', params: { day: '1' } },
        { id: 'x', family: 'Numbers', module: 'reports', params: {}, external: true },
        { end: 3 },
      ),
    )
    const [root, query, external] = found
    assert.ok(root && query && external)
    assert.deepEqual(roots, [root.id])
    assert.deepEqual(root.upstreams, [query.id, external.id])
    assert.deepEqual(found.map(idOf), ['others', 'queries', 'others'])
    assert.deepEqual(
      [query.policy.pool, query.policy.secrets, query.policy.retry.attempts],
      ['slow', { api_key: 'graph/key' }, 5],
    )
    assert.equal(root.policy.retry.attempts, 4)
    // Nothing here can ask it again and again: its own program does.
    assert.equal(external.policy.external, undefined)
    for (const { id } of found) assert.ok(isLuigiFamily(parseFamilyOfTask(id)))
  })

  it('fails for good with what a person has to correct, and with a list that is not whole', async () => {
    const { read } = await planned()
    const wrong = {
      wrong: 'no_module',
      message: 'The module reports does not import: no',
      hint: null,
      names: [],
    }
    await assert.rejects(read(lines(wrong)), /^SluiceError: The module reports does not import: no/)
    await assert.rejects(read(lines(HEAD)), /its list is not whole/)
  })
})
