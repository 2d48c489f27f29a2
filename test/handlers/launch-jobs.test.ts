import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { EMRServerlessClient } from '@aws-sdk/client-emr-serverless'
import { z } from 'zod'
import { makeEmrServerlessLauncher } from '../../src/adapters/emr/serverless/launcher.ts'
import { EMR_SERVERLESS } from '../../src/core/records/launch.ts'
import { makeJobDetails, makeJobPlaces } from '../../src/homes/aws/handlers/launch-jobs.ts'
import { JOB_RUN_RATE } from '../../src/homes/aws/handlers/launch-rate.ts'
import { makePlanHandler } from '../../src/homes/aws/handlers/plan.ts'
import { NOWHERE } from '../../src/homes/simulated/home.ts'
import { emrServerless, folder, pipeline, secret } from '../../src/index.ts'
import { EmrServerlessServer } from '../support/emr-serverless-server.ts'
import { openEmrWorld } from './emr-world.ts'

const APPLICATION = '00application001'
const Clicks = emrServerless('LaunchedClicks', {
  params: { date: z.string() },
  output: ({ date }) => folder(`clicks/${date}`, { marker: '_SUCCESS' }),
  application: 'clicks',
  job: ({ params, output }) => ({
    script: './spark/clicks.py',
    arguments: [params.date, output.uri],
    pyFiles: ['spark/common.py', 's3://elsewhere/more.zip'],
    spark: { 'spark.executor.memory': '4g' },
  }),
  secrets: { API_KEY: secret('mag/api-key') },
  timeoutSeconds: 3600,
  retry: { attempts: 2, delaySeconds: 0 },
})
const Sealed = emrServerless('LaunchedSealed', {
  output: () => folder('sealed'),
  application: 'clicks',
  job: () => ({ script: 'spark/clicks.py' }),
})
const clicks = pipeline('clicks', Clicks)
const sealed = pipeline('sealed', Sealed)
const files = { 'spark/clicks.py': 'aaa.py', 'spark/common.py': 'bbb.py' }
const PROGRAMS = { LaunchedClicks: { pool: 'default', application: 'clicks', files } }
const EMR = {
  applications: { clicks: APPLICATION },
  clusters: [] as string[],
  roles: { default: 'arn:role' },
  logGroups: { default: 'pool-logs' },
  files: 's3://assets/x/',
}

/** A run whose only task is a job of EMR, on a server that speaks the API of EMR Serverless. */
async function launching(test: TestContext, { programs = PROGRAMS, emr = EMR, date = 'd-1' } = {}) {
  const server = await EmrServerlessServer.start(test)
  server.applications.set(APPLICATION, 'STARTED')
  const client = new EMRServerlessClient(server.clientConfig)
  const world = await openEmrWorld({
    pipelines: [clicks, sealed],
    input: { date },
    service: EMR_SERVERLESS,
    placeOf: makeJobPlaces(programs, emr),
    parts(now) {
      server.now = now
      return {
        launcher: makeEmrServerlessLauncher(client, { deployment: 'prod', places: [APPLICATION] }),
        governor: JOB_RUN_RATE,
        makeDetails: makeJobDetails(programs, emr, 'prod/'),
      }
    },
  })
  return {
    ...world,
    server,
    job: (index = 0) => {
      const found = server.runs[index]
      assert.ok(found)
      return found
    },
    /** EventBridge tells of a job run, whatever has become of it since. */
    tell: (index = 0) => {
      const { applicationId, jobRunId, name } = server.runs[index] ?? {}
      return world.hear({
        source: 'aws.emr-serverless',
        detail: { applicationId, jobRunId, jobRunName: name, state: 'RUNNING' },
      })
    },
  }
}

describe('launching jobs of EMR Serverless', () => {
  it('starts a job run with the files of the deployment, and what tells its program which attempt it is', async (test) => {
    const { launch, job, task } = await launching(test)
    await launch()
    const { jobDriver, configurationOverrides, executionTimeoutMinutes } = job().request as {
      jobDriver: { sparkSubmit: object }
      configurationOverrides: { applicationConfiguration: { properties: { [name: string]: string } }[] }
      executionTimeoutMinutes: number
    }
    assert.deepEqual(jobDriver.sparkSubmit, {
      entryPoint: 's3://assets/x/aaa.py',
      entryPointArguments: ['d-1', 's3://bucket/targets/clicks/d-1'],
      sparkSubmitParameters: '--py-files s3://assets/x/bbb.py,s3://elsewhere/more.zip',
    })
    const { properties = {} } = configurationOverrides.applicationConfiguration[0] ?? {}
    assert.equal(properties['spark.executor.memory'], '4g')
    assert.equal(properties['spark.emr-serverless.driverEnv.SLUICE_TASK'], 'LaunchedClicks(date=d-1)')
    // Where the secret is, never its value: no function that launches may read one.
    assert.equal(properties['spark.sluice.secret.API_KEY'], 'prod/mag/api-key')
    assert.equal(executionTimeoutMinutes, 75)
    const { launch: kept, nonce } = await task()
    assert.deepEqual(kept?.place, { service: EMR_SERVERLESS, target: APPLICATION })
    assert.equal(kept?.handle, `${APPLICATION}/${job().jobRunId}`)
    // Who may read job runs cannot write the end of the attempt.
    assert.ok(nonce && !JSON.stringify(job()).includes(nonce))
  })

  it('ends the attempt by the state of its job run, then by its target, and keeps what it has used', async (test) => {
    const { launch, server, job, made, tell, task } = await launching(test)
    await launch()
    server.move(job().jobRunId, 'RUNNING')
    await tell()
    assert.equal((await task()).launch?.alive, true)
    server.move(job().jobRunId, 'SUCCESS')
    made.add('clicks/d-1/_SUCCESS')
    await tell()
    const { status, usage } = await task()
    assert.deepEqual(
      [status, usage],
      ['succeeded', { vcpuHours: 0.5, memoryGbHours: 2, storageGbHours: 0.25 }],
    )
    await tell()
    assert.equal((await task()).attempt, 1)
  })

  it('fails an attempt whose job run has ended well without the marker of its folder', async (test) => {
    const { launch, server, job, tell, task } = await launching(test)
    await launch()
    server.move(job().jobRunId, 'SUCCESS')
    await tell()
    const { failure, counts } = await task()
    assert.deepEqual(counts, { failed: 1 })
    assert.match(failure?.message ?? '', /ended well, but its output is missing: .*clicks\/d-1\/_SUCCESS/)
  })

  it('tells of a job run that failed what EMR says, keeps its use, and tries again as another job run', async (test) => {
    const { launch, server, job, tell, attempt, task } = await launching(test)
    await launch()
    server.move(job().jobRunId, 'FAILED', 'Job failed. ExitCode: 1. ValueError: no rows')
    await tell()
    const ended = await attempt(1)
    assert.match(ended?.failure?.message ?? '', /ValueError: no rows/)
    assert.deepEqual([ended?.outcome, ended?.usage?.vcpuHours], ['failed', 0.5])
    await launch()
    assert.deepEqual([server.runs.length, (await task()).attempt], [2, 2])
    assert.notEqual(job(0).clientToken, job(1).clientToken)
    // Late news of the first change nothing.
    await tell(0)
    assert.equal((await task()).status, 'running')
  })

  it('ends by the tick what no event has told, and waits for a place in the application however long', async (test) => {
    const { launch, server, job, made, tickAfter, task } = await launching(test)
    await launch()
    server.move(job().jobRunId, 'QUEUED')
    for (let minute = 0; minute < 60; minute++) await tickAfter(60_000)
    assert.deepEqual([(await task()).status, job().isCancelAsked], ['running', false])
    server.move(job().jobRunId, 'RUNNING')
    await tickAfter(60_000)
    made.add('clicks/d-1/_SUCCESS')
    server.move(job().jobRunId, 'SUCCESS')
    await tickAfter(60_000)
    assert.equal((await task()).status, 'succeeded')
  })

  it('cancels a job run that takes too long with each look, and ends its attempt when it is seen cancelled', async (test) => {
    const { launch, server, job, tickAfter, task } = await launching(test)
    await launch()
    server.behaviour.cancels = 'never'
    server.move(job().jobRunId, 'RUNNING')
    await tickAfter(60_000)
    await tickAfter(3_600_000)
    assert.deepEqual([job().isCancelAsked, (await task()).launch?.stopping], [true, 'timed_out'])
    server.asked.length = 0
    await tickAfter(60_000)
    assert.ok(server.asked.includes('CancelJobRun'))
    assert.equal((await task()).attempt, 1)
    server.move(job().jobRunId, 'CANCELLED')
    await tickAfter(60_000)
    const { counts, attempt } = await task()
    assert.deepEqual([counts, attempt], [{ timed_out: 1 }, 2])
  })

  it('launches nothing twice after a crash between the request and its answer', async (test) => {
    const { launch, server, job, tickAfter, task } = await launching(test)
    const { refuse } = server.behaviour
    server.behaviour.refuse = (operation) =>
      operation === 'StartJobRun'
        ? { name: 'InternalServerException', message: 'cut', status: 500 }
        : undefined
    await assert.rejects(launch(), /cut/)
    server.behaviour.refuse = refuse
    await tickAfter(31_000)
    await launch()
    await launch()
    assert.equal(server.runs.length, 1)
    assert.equal((await task()).launch?.handle, `${APPLICATION}/${job().jobRunId}`)
  })

  it('waits if the account has no more capacity, and slows down if EMR throttles', async (test) => {
    const { launch, server, task } = await launching(test)
    server.behaviour.refuse = () => ({ name: 'ThrottlingException', message: 'Rate exceeded' })
    await launch()
    assert.equal((await task()).status, 'running')
    const full = await launching(test)
    full.server.behaviour.refuse = () => ({ name: 'ServiceQuotaExceededException', message: 'vCPU quota' })
    await full.launch()
    const { status, waitsFor, counts } = await full.task()
    assert.deepEqual([status, waitsFor, counts], ['waiting', 'capacity', undefined])
  })

  it('ends for good, with the next step, what can never start', async (test) => {
    const without = { LaunchedClicks: { ...PROGRAMS.LaunchedClicks, files: {} } }
    const cases: [options: object, name: string | undefined, message: RegExp][] = [
      [{}, 'AccessDeniedException', /may not be used \(iam:PassRole\); deploy again/],
      [
        { emr: { ...EMR, applications: { clicks: '00application404' } } },
        undefined,
        /no application 00app.*404/,
      ],
      [
        { programs: without },
        undefined,
        /clicks\.py, spark\/common\.py is not part of the deployment; name it in `files`/,
      ],
      [
        { emr: { ...EMR, applications: {} } },
        undefined,
        /no longer knows what to launch|launches nothing by the service/,
      ],
    ]
    for (const [options, name, message] of cases) {
      const { launch, server, task } = await launching(test, options)
      server.behaviour.refuse = () => (name === undefined ? undefined : { name, message: 'iam:PassRole' })
      await launch()
      const { status, failure, attempt } = await task()
      assert.deepEqual([status, attempt], ['failed', 1], String(message))
      assert.match(failure?.message ?? '', message)
    }
  })

  it('is lost if its application is gone', async (test) => {
    const { launch, server, tickAfter, task } = await launching(test)
    await launch()
    server.applications.clear()
    await tickAfter(60_000)
    assert.equal((await task()).status, 'running')
    await tickAfter(30 * 60_000)
    assert.deepEqual((await task()).counts, { lost: 1 })
  })

  it('cancels by the sweep what no attempt of this deployment owns, and leaves the job runs of others alone', async (test) => {
    const { launch, server, job, sweep, id } = await launching(test)
    await launch()
    const other = (deployment: string, token: string) =>
      makeEmrServerlessLauncher(new EMRServerlessClient(server.clientConfig), {
        deployment,
        places: [],
      }).launch({
        handover: { run: id, number: 0, attempt: 1, token },
        target: APPLICATION,
        details: { script: 's', arguments: [], pyFiles: [], properties: {}, role: 'r', logGroup: 'g' },
      })
    await other('prod', 'unowned')
    await other('dev', 'theirs')
    await sweep()
    assert.deepEqual(
      [job(0), job(1), job(2)].map(({ isCancelAsked }) => isCancelAsked),
      [false, true, false],
    )
  })

  it('refuses a folder of which nothing tells when it is whole, while planning', async (test) => {
    const { deployment } = await launching(test)
    const home = { ...deployment.home, surroundings: { ...NOWHERE, runsJobs: true as const } }
    const plan = makePlanHandler(home, deployment.project, deployment.executions)
    const execution = 'arn:aws:states:eu-west-2:1:execution:sealed:two'
    await plan({ token: 'two', execution, name: 'two', input: {}, pipeline: 'sealed' })
    await deployment.settle()
    const { cause, error } = deployment.told.get('two') ?? {}
    assert.match(`${error} ${cause}`, /folder\('sealed', \{ marker: '_SUCCESS' \}\)/)
  })
})
