import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { EMRServerlessClient } from '@aws-sdk/client-emr-serverless'
import { makeEmrServerlessLauncher } from '../../src/adapters/emr/serverless/launcher.ts'
import { formatJobName, parseJobName } from '../../src/core/job-name.ts'
import type { LaunchOrder } from '../../src/core/ports/launching.ts'
import type { JobDetails } from '../../src/core/program.ts'
import { launchingSuite } from '../conformance/launching.suite.ts'
import { EmrServerlessServer } from '../support/emr-serverless-server.ts'

const APPLICATION = '00application001'
const OTHER = '00application002'
const DETAILS: JobDetails = {
  script: 's3://assets/clicks.py',
  arguments: ['s3://in', 's3://out'],
  pyFiles: [],
  properties: { 'spark.executor.memory': '4g' },
  role: 'arn:aws:iam::123456789012:role/jobs',
  logGroup: 'pool',
}

const makeOrder = (token: string, target = APPLICATION): LaunchOrder<JobDetails> => ({
  handover: { run: 'clicks-1', number: 7, attempt: 2, token },
  target,
  details: DETAILS,
})

async function start(test: TestContext) {
  const server = await EmrServerlessServer.start(test)
  server.applications.set(APPLICATION, 'STARTED').set(OTHER, 'STARTED')
  const launcher = makeEmrServerlessLauncher(new EMRServerlessClient(server.clientConfig), {
    deployment: 'prod',
    places: [APPLICATION, OTHER],
  })
  return { server, launcher }
}

launchingSuite('emr serverless', async (test) => {
  const { server, launcher } = await start(test)
  const kinds = new Map<string, string>()
  return {
    launcher,
    order(token, kind) {
      kinds.set(token, kind)
      return makeOrder(token)
    },
    invalid: (token) => makeOrder(token, '00application404'),
    async pass() {
      for (const run of server.runs) {
        const kind = kinds.get(run.clientToken)
        if (run.state === 'SUBMITTED') server.move(run.jobRunId, 'RUNNING')
        else if (run.state === 'RUNNING' && kind === 'exits well') server.move(run.jobRunId, 'SUCCESS')
        else if (run.state === 'RUNNING' && kind === 'exits 3')
          server.move(run.jobRunId, 'FAILED', 'Job failed. ExitCode: 3')
      }
    },
  }
})

describe('the launcher of EMR Serverless', () => {
  it('asks for a job run that EMR tries once, under the token and the name of the attempt', async (test) => {
    const { server, launcher } = await start(test)
    await launcher.launch(makeOrder('t-1'))
    const { request } = server.runs[0] ?? {}
    assert.deepEqual(request, {
      clientToken: 't-1',
      name: 'sluice/prod/clicks-1/7/2/t-1',
      executionRoleArn: DETAILS.role,
      jobDriver: { sparkSubmit: { entryPoint: DETAILS.script, entryPointArguments: DETAILS.arguments } },
      configurationOverrides: {
        applicationConfiguration: [{ classification: 'spark-defaults', properties: DETAILS.properties }],
        monitoringConfiguration: {
          cloudWatchLoggingConfiguration: {
            enabled: true,
            logGroupName: 'pool',
            logStreamNamePrefix: 'emr/clicks-1/7/2',
            logTypes: { SPARK_DRIVER: ['STDOUT', 'STDERR'] },
          },
        },
      },
      mode: 'BATCH',
      retryPolicy: { maxAttempts: 1 },
    })
  })

  it('finds a job run among those of many pages, in its application alone', async (test) => {
    const { server, launcher } = await start(test)
    server.pageSize = 2
    for (let number = 0; number < 7; number++) await launcher.launch(makeOrder(`t-${number}`))
    const query = { token: 't-0', since: Date.now() - 1_000 }
    assert.match((await launcher.find({ ...query, target: APPLICATION })) ?? '', /job0+1$/)
    assert.equal(await launcher.find({ ...query, target: OTHER }), undefined)
    assert.equal(await launcher.find({ ...query, target: '00application404' }), undefined)
  })

  it('is launched once if the request of a dead launcher differed', async (test) => {
    const { server, launcher } = await start(test)
    const first = await launcher.launch(makeOrder('t-1'))
    const again = await launcher.launch({ ...makeOrder('t-1'), details: { ...DETAILS, arguments: [] } })
    assert.deepEqual([again, server.runs.length], [first, 1])
  })

  it('looks at many by few lists, and at each that has ended once', async (test) => {
    const { server, launcher } = await start(test)
    server.pageSize = 20
    const handles: string[] = []
    for (let number = 0; number < 45; number++) {
      const answer = await launcher.launch(makeOrder(`t-${number}`, number % 2 === 0 ? APPLICATION : OTHER))
      handles.push('handle' in answer ? answer.handle : '')
    }
    server.move(server.runs[3]?.jobRunId ?? '', 'SUCCESS')
    server.move(server.runs[4]?.jobRunId ?? '', 'QUEUED')
    server.asked.length = 0
    const states = await launcher.look(handles)
    assert.deepEqual(
      [states[3]?.is, states[3]?.end?.usage, states[4]?.is, states[44]?.is],
      ['ended', { vcpuHours: 0.5, memoryGbHours: 2, storageGbHours: 0.25 }, 'waiting', 'waiting'],
    )
    const counts = Object.fromEntries(
      [...Map.groupBy(server.asked, (each) => each)].map(([operation, all]) => [operation, all.length]),
    )
    // 23 and 21 that are open, twenty on a page.
    assert.deepEqual(counts, { ListJobRuns: 4, GetJobRun: 1 })
  })

  it('lists the open job runs of all its applications, also if one is gone, and names those of its own deployment', async (test) => {
    const { server, launcher } = await start(test)
    server.applications.delete(OTHER)
    await launcher.launch(makeOrder('t-1'))
    const foreign = makeEmrServerlessLauncher(new EMRServerlessClient(server.clientConfig), {
      deployment: 'dev',
      places: [],
    })
    await foreign.launch(makeOrder('t-2'))
    const first = await launcher.list()
    assert.deepEqual(
      first.jobs.map(({ handover }) => handover?.token),
      [undefined, 't-1'],
    )
    assert.deepEqual(await launcher.list(first.cursor), { jobs: [] })
  })

  it('believes no cancel that EMR has only accepted', async (test) => {
    const { server, launcher } = await start(test)
    const answer = await launcher.launch(makeOrder('t-1'))
    const handle = 'handle' in answer ? answer.handle : ''
    server.behaviour.cancels = 'later'
    server.move(server.runs[0]?.jobRunId ?? '', 'RUNNING')
    await launcher.stop(handle, 'cancelled')
    assert.equal((await launcher.look([handle]))[0]?.is, 'running')
    server.move(server.runs[0]?.jobRunId ?? '', 'CANCELLED')
    assert.equal((await launcher.look([handle]))[0]?.end?.cause, 'cancelled')
  })

  it('tells why a job run has ended', async (test) => {
    const { server, launcher } = await start(test)
    const answer = await launcher.launch(makeOrder('t-1'))
    const handle = 'handle' in answer ? answer.handle : ''
    const full =
      'Job execution failed, ApplicationMaxCapacityExceededException: Worker could not be allocated as the application has exceeded maximumCapacity settings: [cpu: 4 vCPU]'
    const ends: [string, string, string][] = [
      ['SUCCESS', '', 'succeeded'],
      ['FAILED', 'Job failed. ExitCode: 1. Caused by: ValueError', 'failed'],
      ['FAILED', full, 'no_capacity'],
      // What a program says does not make it wait for ever.
      ['FAILED', 'Job failed. ExitCode: 1. Caused by: exceeded maximumCapacity', 'failed'],
      ['CANCELLED', 'JobRun cancelled by user', 'cancelled'],
      ['CANCELLED', 'JobRun timed out after 5 minutes', 'timeout'],
    ]
    for (const [state, details, cause] of ends) {
      server.move(server.runs[0]?.jobRunId ?? '', state, details)
      const [seen] = await launcher.look([handle])
      assert.equal(seen?.end?.cause, cause, details)
      assert.ok(details === '' || seen.end.message.includes(details))
    }
  })

  it('tells what stands in the way of a launch, and what to do', async (test) => {
    const { server, launcher } = await start(test)
    const refusals: [name: string, message: string, is: string, text: RegExp][] = [
      ['ThrottlingException', 'Rate exceeded', 'throttled', /Rate exceeded/],
      ['ValidationException', 'Rate exceeded', 'throttled', /Rate exceeded/],
      ['ServiceQuotaExceededException', 'Max vCPU of the account', 'no_capacity', /Max vCPU/],
      [
        'AccessDeniedException',
        'not authorized to perform iam:PassRole',
        'invalid',
        /PassRole.*deploy again/,
      ],
      ['ValidationException', 'entryPoint is wrong', 'invalid', /^entryPoint is wrong$/],
    ]
    for (const [name, message, is, text] of refusals) {
      server.behaviour.refuse = () => ({ name, message })
      const answer = await launcher.launch(makeOrder('t-1'))
      assert.equal(answer.is, is, name)
      assert.match('message' in answer ? answer.message : '', text)
    }
    server.behaviour.refuse = () => ({ name: 'InternalServerException', message: 'no', status: 500 })
    await assert.rejects(launcher.launch(makeOrder('t-1')), { name: 'InternalServerException' })
    server.behaviour.refuse = () => undefined
    server.applications.set(APPLICATION, 'STOPPED')
    const stopped = await launcher.launch(makeOrder('t-1'))
    assert.match('message' in stopped ? stopped.message : '', /does not take jobs.*start it/)
    const missing = await launcher.launch(makeOrder('t-1', '00application404'))
    assert.match(
      'message' in missing ? missing.message : '',
      /there is no application 00application404.*deploy again/,
    )
  })
})

describe('the name of a job', () => {
  it('names the attempt, whatever the run is called, and no other deployment', () => {
    const handover = { run: 'a/b ü%-1', number: 3, attempt: 4, token: 'x-1' }
    const name = formatJobName('prod', handover)
    assert.deepEqual(parseJobName('prod', name), handover)
    assert.equal(parseJobName('pro', name), undefined)
    for (const other of ['', null, 'nightly', 'sluice/prod/a/1/2', `${name}/1`, 'sluice/prod/%E0%A4%A/1/1/x'])
      assert.equal(parseJobName('prod', other), undefined)
  })
})
