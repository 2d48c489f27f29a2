import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { GetExecutionHistoryCommand, StopExecutionCommand } from '@aws-sdk/client-sfn'
import {
  clients,
  endOf,
  invoke,
  json,
  sluice,
  startInConsole,
  unique,
  until,
  whileTicking,
} from './deployed.ts'

/** Where the test build notes its requests: see builds/test.ts. */
const REQUESTS = join(tmpdir(), 'sluice-test-requests')
/** 20,000 take minutes, so they are planned by hand: AWS_TEST_PLANNED=20000 npm run test:aws -- test/aws/runs.e2e.ts */
const PLANNED = Number(process.env.AWS_TEST_PLANNED ?? 5_000)

function requestsPerTask(tasks: number): { [kind: string]: number } {
  const lines = readFileSync(REQUESTS, 'utf8').trim().split('\n')
  const sums: { [kind: string]: number } = {}
  for (const [kind = '', count] of lines.map((line) => line.split(' ')))
    sums[kind] = (sums[kind] ?? 0) + Number(count)
  return Object.fromEntries(Object.entries(sums).map(([kind, sum]) => [kind, sum / tasks]))
}

const outputOf = async (arn: string) => JSON.parse((await endOf(arn)).output ?? 'null')

describe('runs', () => {
  it('start from the console with parameters as input, and end with a summary', async () => {
    const end = await endOf(await startInConsole('wide', { of: unique('console'), size: 5 }))
    assert.equal(end.status, 'SUCCEEDED', end.cause)
    const { status, tasks, failed } = JSON.parse(end.output ?? '')
    assert.deepEqual({ status, tasks, failed }, { status: 'succeeded', tasks: { succeeded: 6 }, failed: [] })
  })

  it('say what is wrong with an input, and what is allowed', async () => {
    const wrong = await endOf(await startInConsole('wide', { of: 'x', size: 'many' }))
    assert.deepEqual([wrong.status, wrong.error], ['FAILED', 'invalid_parameter'])
    assert.match(wrong.cause ?? '', /size: .*expected number.*\nIt takes: of, size/s)
    const unknown = await endOf(await startInConsole('wide', { off: 'x', size: 1 }))
    assert.match(unknown.cause ?? '', /no parameter is called off/)
    const none = await endOf(await startInConsole('wide', [1]))
    assert.match(none.cause ?? '', /an object of parameters/)
  })

  it('are one run while it is open, and the next one afterwards', async () => {
    const params = { of: unique('again'), seconds: 3 }
    const [one, two] = await Promise.all([startInConsole('slow', params), startInConsole('slow', params)])
    const ends = await Promise.all([outputOf(one), outputOf(two)])
    assert.match(ends[0].run, /-1$/)
    assert.equal(ends[0].run, ends[1].run)
    const next = await outputOf(await startInConsole('slow', params))
    assert.match(next.run, /-2$/)
    assert.deepEqual(next.tasks, { complete: 1 })
  })

  it('retry a failing task, and let what does not depend on it go on', async () => {
    const once = await json('run', 'branches', '--of', unique('once'), '--failures', '1')
    assert.equal(once.status, 'succeeded')
    const of = unique('thrice')
    const thrice = await json('run', 'branches', '--of', of, '--failures', '3')
    assert.deepEqual(thrice.counts, { failed: 1, succeeded: 1, upstream_failed: 1 })
    assert.match(thrice.failed[0].message, /failing attempt 3 on purpose/)
    const { code, stdout } = await sluice(['logs', thrice.run, 'Flaky', '--attempt', '2', '--env', 'test'])
    assert.equal(code, 0)
    assert.match(stdout, /this is attempt 2/)
    assert.doesNotMatch(stdout, /this is attempt [13]/)
  })

  it('are followed by their lines, and forced to run again', async () => {
    const { run } = await json('run', 'slow', '--of', unique('followed'), '--seconds', '3', '--detach')
    const { code, stdout } = await sluice(['logs', run, '-f', '--env', 'test'])
    assert.equal(code, 0)
    assert.match(stdout, /attempt 1 sleeps/)
    assert.equal((await json('status', run)).status, 'succeeded')
    const of = unique('forced')
    assert.deepEqual((await json('run', 'wide', '--of', of, '--size', '2')).counts, { succeeded: 3 })
    const again = await json('run', 'wide', '--of', of, '--size', '2', '--force')
    assert.deepEqual(again.counts, { succeeded: 1, complete: 2 })
  })

  it('are of task families as well', async () => {
    const leaf = await json('run', 'Leaf', '--of', unique('family'), '--n', '3')
    assert.deepEqual([leaf.status, leaf.counts], ['succeeded', { succeeded: 1 }])
  })

  it('retry, mark and cancel by the command', async () => {
    const of = unique('marked')
    const failed = await json('run', 'branches', '--of', of, '--failures', '3')
    assert.equal(failed.status, 'failed')
    const marked = await json('mark', failed.run, 'Flaky', 'succeeded')
    assert.equal(marked.status, 'succeeded')
    assert.match(marked.run, /-2$/)
    const again = await json('retry', failed.run)
    assert.deepEqual([again.status, again.counts], ['succeeded', { complete: 1 }])
    const { run } = await json('run', 'slow', '--of', unique('cancelled'), '--seconds', '60', '--detach')
    await until(30, 'the body', async () => ((await json('status', run)).counts.running ? true : undefined))
    const cancelled = await whileTicking(sluice(['cancel', run, '--env', 'test']))
    assert.equal(cancelled.code, 0, cancelled.stderr)
    await whileTicking(
      until(40, 'the end', async () =>
        (await json('status', run)).status === 'cancelled' ? true : undefined,
      ),
    )
  })

  it('are cancelled when their last execution is stopped', async () => {
    const params = { of: unique('stopped'), seconds: 60 }
    const [one, two] = [await startInConsole('slow', params), await startInConsole('slow', params)]
    const run = await until(30, 'the run', async () => {
      const [newest] = await json('runs', '--limit', '2')
      return newest.params.of === params.of && newest.status === 'running' ? newest.run : undefined
    })
    await clients.sfn.send(new StopExecutionCommand({ executionArn: one }))
    await invoke('tick')
    assert.equal((await json('status', run)).status, 'running')
    await clients.sfn.send(new StopExecutionCommand({ executionArn: two }))
    await whileTicking(
      until(60, 'the end', async () =>
        (await json('status', run)).status === 'cancelled' ? true : undefined,
      ),
    )
  })

  it('wait for a budget without costing anything, and say so', async () => {
    assert.equal((await json('run', 'spender', '--of', unique('first'))).status, 'succeeded')
    const second = ['spender', '--of', unique('second'), '--env', 'test', '--json']
    const planned = await sluice(['plan', ...second])
    assert.equal(planned.code, 0, planned.stderr)
    assert.match(planned.stdout, /"family":"Spender"/)
    const { code, stdout } = await sluice(['run', ...second, '--wait', '5s'])
    assert.equal(code, 4, 'the exit code of a run that waits')
    const waiting = JSON.parse(stdout)
    assert.equal(waiting.end, 'waiting')
    const why = await json('why', waiting.run, '0')
    assert.equal(why.status, 'waiting')
    assert.match(JSON.stringify(why.reasons), /budget tiny/)
    const budgets = [await json('budgets')].flat(2)
    const { spent, left, waiting: waiters } = budgets.find(({ budget }) => budget === 'tiny')
    assert.deepEqual({ spent, left, waiters }, { spent: 1, left: 0, waiters: 1 })
    assert.equal((await sluice(['cancel', waiting.run, '--env', 'test'])).code, 0)
  })

  it('end their executions also where they are over before their token is kept', async () => {
    const of = unique('fast')
    const arns = await Promise.all(
      Array.from({ length: 100 }, (_, n) => startInConsole('wide', { of: `${of}-${n}`, size: 0 })),
    )
    const ends = await Promise.all(arns.map((arn) => endOf(arn, 300)))
    assert.deepEqual([...new Set(ends.map(({ status }) => status))], ['SUCCEEDED'])
  })

  it('fail by its name where a secret was never set', async () => {
    const end = await endOf(await startInConsole('no-secret', { of: unique('secret') }))
    assert.equal(end.status, 'FAILED')
    assert.match(
      end.cause ?? '',
      /there is no secret never\/set.*; set it with: sluice secrets set never\/set --env test/,
    )
  })

  it('go through a thousand tasks side by side, and three hundred in layers', async () => {
    rmSync(REQUESTS, { force: true })
    const wide = await json('run', 'wide', '--of', unique('wide'), '--size', '1000')
    assert.deepEqual(wide.counts, { succeeded: 1001 })
    const { write = 0, read = 0, send = 0 } = requestsPerTask(1001)
    console.log(`requests per task: write ${write}, read ${read}, send ${send}`)
    // Planned, queued, claimed, ended, its lock freed; a bit of the root for each batch of changes.
    assert.ok(write < 6.5 && read < 5 && send < 0.5, JSON.stringify({ write, read, send }))
    const layered = await json('run', 'layered', '--of', unique('layered'), '--layers', '6', '--width', '50')
    assert.deepEqual(layered.counts, { succeeded: 301 })
  })

  it(`plan ${PLANNED} tasks in an execution of few events`, async () => {
    const { run } = await json('run', 'wide', '--of', unique('huge'), '--size', String(PLANNED), '--detach')
    const planned = await until(480, 'the plan', async () => {
      const [newest] = (await json('runs', '--limit', '5')).filter(
        (each: { run: string }) => each.run === run,
      )
      return newest.status === 'running' ? newest : undefined
    })
    // Those that are required, a task that gathers each thousand of them, and the root.
    assert.equal(planned.tasks, PLANNED + Math.ceil(PLANNED / 1000) + 1)
    assert.equal((await sluice(['cancel', run, '--env', 'test'])).code, 0)
    const executionArn = `arn:aws:states:us-east-1:000000000000:execution:sluice-test-wide:${run}`
    const end = await whileTicking(endOf(executionArn, 480))
    assert.deepEqual([end.status, end.error], ['FAILED', 'Cancelled'])
    const { events = [] } = await clients.sfn.send(new GetExecutionHistoryCommand({ executionArn }))
    assert.ok(events.length < 20, `${events.length} events`)
  })
})
