import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { AddJobFlowStepsCommand, EMRClient } from '@aws-sdk/client-emr'
import { z } from 'zod'
import { makeEmrStepLauncher } from '../../src/adapters/emr/steps/launcher.ts'
import { EMR_STEP } from '../../src/core/records/launch.ts'
import { makeJobPlaces, makeStepDetails } from '../../src/homes/aws/handlers/launch-jobs.ts'
import { STEP_RATE } from '../../src/homes/aws/handlers/launch-rate.ts'
import { makePlanHandler } from '../../src/homes/aws/handlers/plan.ts'
import { NOWHERE } from '../../src/homes/simulated/home.ts'
import { emrStep, folder, pipeline, secret } from '../../src/index.ts'
import type { BundledJob } from '../../src/project/bundled.ts'
import { EmrStepsServer } from '../support/emr-steps-server.ts'
import { openEmrWorld } from './emr-world.ts'

const CLUSTER = 'j-2AXXXXXXGAPLF'
const ROLE = 'arn:aws:iam::123456789012:role/clicks'

const defineClicks = (family: string, spark: { [name: string]: string }) =>
  emrStep(family, {
    params: { date: z.string() },
    output: ({ date }) => folder(`steps/${date}`, { marker: '_SUCCESS' }),
    cluster: CLUSTER,
    role: ROLE,
    step: ({ params, output }) => ({
      script: './spark/clicks.py',
      arguments: [params.date, output.uri],
      pyFiles: ['spark/common.py'],
      spark,
    }),
    secrets: { API_KEY: secret('mag/api-key') },
    timeoutSeconds: 3600,
    retry: { attempts: 2, delaySeconds: 0 },
  })
const clicks = pipeline('steps', defineClicks('StepClicks', { 'spark.executor.memory': '4g' }))
const onCluster = pipeline(
  'on_cluster',
  defineClicks('StepOnCluster', { 'spark.submit.deployMode': 'cluster' }),
)

const files = { 'spark/clicks.py': 'aaa.py', 'spark/common.py': 'bbb.py' }
const JOB: BundledJob = { pool: 'default', cluster: CLUSTER, role: ROLE, files }
const EMR = { applications: {}, clusters: [CLUSTER], roles: {}, logGroups: {}, files: 's3://assets/x/' }

/** A run whose only task is a step, on a server that speaks the API of EMR. */
async function launching(test: TestContext, { job = JOB, pipelines = [clicks, onCluster] } = {}) {
  const programs = { StepClicks: job, StepOnCluster: job }
  const server = await EmrStepsServer.start(test)
  server.clusters.set(CLUSTER, 'WAITING')
  const client = new EMRClient(server.clientConfig)
  const world = await openEmrWorld({
    pipelines,
    input: { date: 'd-1' },
    service: EMR_STEP,
    placeOf: makeJobPlaces(programs, EMR),
    parts(now) {
      server.now = now
      return {
        launcher: makeEmrStepLauncher(client, { deployment: 'prod', places: [job.cluster ?? ''] }, now),
        governor: STEP_RATE,
        makeDetails: makeStepDetails(programs, EMR, 'prod/'),
      }
    },
  })
  const step = (index = 0) => {
    const found = server.steps[index]
    assert.ok(found)
    return found
  }
  return {
    ...world,
    server,
    client,
    step,
    /** EventBridge tells of a step, whatever has become of it since. */
    tell: (index = 0) => {
      const { cluster: clusterId, id: stepId, name } = step(index)
      return world.hear({ source: 'aws.emr', detail: { clusterId, stepId, name, state: 'RUNNING' } })
    },
  }
}

describe('launching steps of EMR', () => {
  it('adds a step with the files of the deployment, its role, and what tells its program which attempt it is', async (test) => {
    const { launch, step, task } = await launching(test)
    await launch()
    const { ExecutionRoleArn, Steps } = step().request as {
      ExecutionRoleArn: string
      Steps: { HadoopJarStep: { Args: string[] } }[]
    }
    const args = Steps[0]?.HadoopJarStep.Args ?? []
    assert.equal(ExecutionRoleArn, ROLE)
    assert.deepEqual(args.slice(args.indexOf('--py-files')), [
      ...['--py-files', 's3://assets/x/bbb.py', 's3://assets/x/aaa.py', 'd-1'],
      's3://bucket/targets/steps/d-1',
    ])
    assert.ok(args.includes('spark.executor.memory=4g'))
    assert.ok(args.includes('spark.sluice.task=StepClicks(date=d-1)'))
    assert.ok(args.includes('spark.sluice.attempt=1'))
    assert.ok(args.includes('spark.sluice.secret.API_KEY=prod/mag/api-key'))
    assert.ok(args.some((each) => each.startsWith('spark.sluice.traceparent=00-')))
    const { launch: kept, nonce } = await task()
    assert.deepEqual(kept?.place, { service: EMR_STEP, target: CLUSTER })
    assert.equal(kept?.handle, `${CLUSTER}/${step().id}`)
    // Who may read steps cannot write the end of the attempt.
    assert.ok(nonce && !JSON.stringify(step()).includes(nonce))
  })

  it('ends the attempt by the state of its step, then by its target; late events change nothing', async (test) => {
    const { launch, server, step, made, tell, task } = await launching(test)
    await launch()
    server.move(step().id, 'RUNNING')
    await tell()
    const { launch: running } = await task()
    assert.equal(running?.alive, true)
    assert.equal(running?.times.runningAt, server.now())
    server.move(step().id, 'COMPLETED')
    made.add('steps/d-1/_SUCCESS')
    await tell()
    await tell()
    const { status, attempt } = await task()
    assert.deepEqual([status, attempt, server.steps.length], ['succeeded', 1, 1])
  })

  it('fails an attempt whose step has completed without the marker of its folder', async (test) => {
    const { launch, server, step, tell, task } = await launching(test)
    await launch()
    server.move(step().id, 'COMPLETED')
    await tell()
    const { failure, counts } = await task()
    assert.deepEqual(counts, { failed: 1 })
    assert.match(failure?.message ?? '', /ended well, but its output is missing: .*steps\/d-1\/_SUCCESS/)
  })

  it('tells of a step that failed what EMR says and where its log is, and tries again as another step', async (test) => {
    const { launch, server, step, tell, attempt, task } = await launching(test)
    await launch()
    const LogFile = 's3://logs/j-2AXXXXXXGAPLF/steps/s-1/stderr.gz'
    server.move(step().id, 'FAILED', '', { Reason: 'Unknown Error.', Message: 'no rows', LogFile })
    await tell()
    assert.match((await attempt(1))?.failure?.message ?? '', /no rows \(its log: s3:\/\/logs\/.*stderr\.gz\)/)
    await launch()
    assert.deepEqual([server.steps.length, (await task()).attempt], [2, 2])
    await tell(0)
    assert.equal((await task()).status, 'running')
  })

  it('waits for the steps before it however long, and ends by the tick what no event has told', async (test) => {
    const { launch, server, step, made, tickAfter, task } = await launching(test)
    await launch()
    for (let minute = 0; minute < 60; minute++) await tickAfter(60_000)
    assert.deepEqual([(await task()).status, step().cancels], ['running', []])
    server.move(step().id, 'RUNNING')
    await tickAfter(60_000)
    made.add('steps/d-1/_SUCCESS')
    server.move(step().id, 'COMPLETED')
    await tickAfter(60_000)
    assert.equal((await task()).status, 'succeeded')
  })

  it('asks a step that takes too long to end, then ends it, and ends its attempt when it is seen ended', async (test) => {
    const { launch, server, step, tickAfter, task } = await launching(test)
    await launch()
    server.behaviour.cancels = 'later'
    server.move(step().id, 'RUNNING')
    await tickAfter(60_000)
    await tickAfter(3_600_000)
    await tickAfter(60_000)
    assert.deepEqual(step().cancels, ['SEND_INTERRUPT', 'TERMINATE_PROCESS'])
    assert.deepEqual([(await task()).launch?.stopping, (await task()).attempt], ['timed_out', 1])
    server.move(step().id, 'CANCELLED')
    await tickAfter(60_000)
    const { counts, attempt } = await task()
    assert.deepEqual([counts, attempt], [{ timed_out: 1 }, 2])
  })

  it('adds nothing twice after a crash between the request and its answer, or before the handle', async (test) => {
    const { launch, server, step, tickAfter, task } = await launching(test)
    // EMR has added the step, and its answer is lost.
    server.behaviour.loses = 'AddJobFlowSteps'
    await assert.rejects(launch(), /lost/)
    server.behaviour.loses = undefined
    assert.equal(server.steps.length, 1)
    await tickAfter(31_000)
    await launch()
    await launch()
    assert.equal(server.steps.length, 1)
    assert.equal((await task()).launch?.handle, `${CLUSTER}/${step().id}`)
  })

  it('is not ended by a second step that a launcher has added after standing still, which the sweep cancels', async (test) => {
    const { launch, client, server, step, made, tell, sweep, task } = await launching(test)
    await launch()
    const HadoopJarStep = { Jar: 'command-runner.jar', Args: [] }
    const Steps = [{ Name: step().name, ActionOnFailure: 'CONTINUE' as const, HadoopJarStep }]
    await client.send(new AddJobFlowStepsCommand({ JobFlowId: CLUSTER, Steps }))
    made.add('steps/d-1/_SUCCESS')
    server.move(step(1).id, 'RUNNING')
    await sweep()
    assert.deepEqual([step(0).cancels, step(1).cancels], [[], ['SEND_INTERRUPT']])
    server.move(step(1).id, 'COMPLETED')
    await tell(1)
    assert.equal((await task()).status, 'running')
    server.move(step(0).id, 'COMPLETED')
    await tell(0)
    assert.equal((await task()).status, 'succeeded')
  })

  it('waits for a full cluster, and slows down if EMR throttles', async (test) => {
    const { launch, server, task } = await launching(test)
    server.behaviour.refuse = () => ({ name: 'ThrottlingException', message: 'Rate exceeded' })
    await launch()
    assert.deepEqual([(await task()).status, server.steps.length], ['running', 0])
    const full = await launching(test)
    const message = 'Maximum number of active steps for cluster exceeded.'
    full.server.behaviour.refuse = () => ({ name: 'ValidationException', message })
    await full.launch()
    const { status, waitsFor, counts } = await full.task()
    assert.deepEqual([status, waitsFor, counts], ['waiting', 'capacity', undefined])
  })

  it('ends for good, with the next step, what can never start', async (test) => {
    const cases: [options: Parameters<typeof launching>[1], state: string | undefined, message: RegExp][] = [
      [{}, undefined, /cluster j-2AXXXXXXGAPLF takes no steps .*name one that runs in `cluster`/],
      [{}, 'TERMINATED', /takes no steps \(A job flow that is shutting down/],
      [{ job: { ...JOB, files: {} } }, 'WAITING', /clicks\.py, spark\/common\.py is not part of the deploy/],
    ]
    for (const [options, state, message] of cases) {
      const { launch, server, task } = await launching(test, options)
      if (state === undefined) server.clusters.clear()
      else server.clusters.set(CLUSTER, state)
      await launch()
      const { status, failure, attempt } = await task()
      assert.deepEqual([status, attempt, server.steps.length], ['failed', 1, 0], String(message))
      assert.match(failure?.message ?? '', message)
    }
  })

  it('is lost at once if its cluster ends with it, and says why', async (test) => {
    const { launch, server, step, tickAfter, attempt, task } = await launching(test)
    await launch()
    server.move(step().id, 'RUNNING')
    await tickAfter(60_000)
    server.clusters.set(CLUSTER, 'TERMINATED_WITH_ERRORS')
    await tickAfter(60_000)
    assert.deepEqual((await task()).counts, { lost: 1 })
    assert.match((await attempt(1))?.failure?.message ?? '', /its cluster j-2AXXXXXXGAPLF has ended/)
    await launch()
    const { status, failure } = await task()
    assert.deepEqual([status, server.steps.length], ['failed', 1])
    assert.match(failure?.message ?? '', /name one that runs in `cluster`, deploy again, then retry/)
  })

  it('cancels by the sweep what no attempt of this deployment owns, and leaves the steps of others alone', async (test) => {
    const { launch, client, step, sweep, id } = await launching(test)
    await launch()
    for (const [deployment, token] of [
      ['prod', 'unowned'],
      ['dev', 'theirs'],
    ] as const)
      await makeEmrStepLauncher(client, { deployment, places: [] }).launch({
        handover: { run: id, number: 0, attempt: 1, token },
        target: CLUSTER,
        details: { script: 's', arguments: [], pyFiles: [], properties: {} },
      })
    await sweep()
    assert.deepEqual(
      [step(0), step(1), step(2)].map(({ cancels }) => cancels),
      [[], ['SEND_INTERRUPT'], []],
    )
  })

  it('refuses a mode in which a step could not end its program, while planning', async (test) => {
    const { deployment } = await launching(test)
    const home = { ...deployment.home, surroundings: { ...NOWHERE, runsJobs: true as const } }
    const plan = makePlanHandler(home, deployment.project, deployment.executions)
    const execution = 'arn:aws:states:eu-west-2:1:execution:on_cluster:two'
    await plan({ token: 'two', execution, name: 'two', input: { date: 'd-1' }, pipeline: 'on_cluster' })
    await deployment.settle()
    const { cause } = deployment.told.get('two') ?? {}
    assert.match(`${cause}`, /any spark\.submit\.deployMode but client; leave it out/)
  })

  it('waits for a cluster of a name, and adds its step once whatever becomes of the cluster', async (test) => {
    const named = { ...JOB, cluster: 'name:nightly' }
    const { launch, server, step, tickAfter, task, made, attempt } = await launching(test, { job: named })
    server.names.set(CLUSTER, 'nightly').set('j-5', 'nightly')
    server.clusters.set(CLUSTER, 'BOOTSTRAPPING')
    await launch()
    const waiting = await task()
    assert.deepEqual([waiting.status, waiting.waitsFor, waiting.counts], ['waiting', 'capacity', undefined])
    assert.match(
      (await attempt(1))?.failure?.message ?? '',
      /no cluster "nightly" is running; it is waited for/,
    )
    server.clusters.set(CLUSTER, 'WAITING')
    await tickAfter(900_000)
    // EMR has added the step, its answer is lost, and another cluster takes the name.
    server.behaviour.loses = 'AddJobFlowSteps'
    await assert.rejects(launch(), /lost/)
    server.behaviour.loses = undefined
    assert.deepEqual((await task()).launch?.place, { service: EMR_STEP, target: CLUSTER })
    server.clusters.set(CLUSTER, 'TERMINATING').set('j-5', 'WAITING')
    await tickAfter(31_000)
    await launch()
    assert.deepEqual([server.steps.length, (await task()).launch?.handle], [1, `${CLUSTER}/${step().id}`])
    server.move(step().id, 'CANCELLED')
    server.clusters.set(CLUSTER, 'TERMINATED')
    await tickAfter(60_000)
    await tickAfter(900_000)
    await launch()
    assert.deepEqual([server.steps.length, step(1).cluster], [2, 'j-5'])
    made.add('steps/d-1/_SUCCESS')
    server.move(step(1).id, 'COMPLETED')
    await tickAfter(60_000)
    assert.equal((await task()).status, 'succeeded')
  })

  it('goes on at another cluster of the name if nothing was added where its intent says', async (test) => {
    const named = { ...JOB, cluster: 'name:nightly' }
    const { launch, server, tickAfter, step, task } = await launching(test, { job: named })
    server.names.set(CLUSTER, 'nightly').set('j-5', 'nightly')
    // The launcher dies between its note and the request.
    server.behaviour.refuse = (operation) =>
      operation === 'AddJobFlowSteps'
        ? { name: 'InternalServerException', message: 'cut', status: 500 }
        : undefined
    await assert.rejects(launch(), /cut/)
    server.behaviour.refuse = () => undefined
    server.clusters.set(CLUSTER, 'TERMINATED').set('j-5', 'WAITING')
    await tickAfter(31_000)
    await launch()
    assert.deepEqual([server.steps.length, step().cluster], [1, 'j-5'])
    assert.deepEqual((await task()).launch?.place, { service: EMR_STEP, target: 'j-5' })
  })

  const OWN: BundledJob = {
    ...JOB,
    cluster: 'own',
    logs: 's3://logs/emr/',
    own: {
      release: 'emr-7.5.0',
      instanceType: 'm5.xlarge',
      instances: 3,
      serviceRole: 'EMR_DefaultRole',
      instanceProfile: 'EMR_EC2_DefaultRole',
    },
  }

  it('makes a cluster for an attempt, which ends with its step, and makes no second one after a crash', async (test) => {
    const { launch, server, step, tickAfter, task, made } = await launching(test, { job: OWN })
    server.behaviour.loses = 'RunJobFlow'
    await assert.rejects(launch(), /lost/)
    server.behaviour.loses = undefined
    await tickAfter(31_000)
    await launch()
    await launch()
    assert.deepEqual([server.made.size, server.steps.length], [1, 1])
    const { request } = [...server.made.values()][0] ?? assert.fail()
    const { Instances, Steps, Tags, Name, ...rest } = request as { [name: string]: never[] } & {
      Instances: object
    }
    assert.deepEqual(rest, {
      ReleaseLabel: 'emr-7.5.0',
      Applications: [{ Name: 'Spark' }],
      ServiceRole: 'EMR_DefaultRole',
      JobFlowRole: 'EMR_EC2_DefaultRole',
      LogUri: 's3://logs/emr/',
    })
    assert.deepEqual(Instances, {
      MasterInstanceType: 'm5.xlarge',
      SlaveInstanceType: 'm5.xlarge',
      InstanceCount: 3,
      KeepJobFlowAliveWhenNoSteps: false,
      TerminationProtected: false,
    })
    assert.deepEqual(Tags, [{ Key: 'sluice:stack', Value: 'prod' }])
    assert.match(
      JSON.stringify(Steps),
      /"spark-submit","--deploy-mode","client".*"ActionOnFailure":"TERMINATE_CLUSTER"/,
    )
    assert.equal(String(Name), step().name)
    // Machines take their time, and so does the program.
    for (let minute = 0; minute < 30; minute++) await tickAfter(60_000)
    assert.deepEqual([(await task()).status, server.steps.length], ['running', 1])
    server.move(step().id, 'RUNNING')
    await tickAfter(60_000)
    made.add('steps/d-1/_SUCCESS')
    server.move(step().id, 'COMPLETED')
    server.clusters.set('j-MADE1', 'TERMINATING')
    await tickAfter(60_000)
    assert.equal((await task()).status, 'succeeded')
  })

  it('uses up a retry if a cluster that was made could not run its step, so that none is made for ever', async (test) => {
    const { launch, server, tickAfter, task, attempt } = await launching(test, { job: OWN })
    for (let tries = 1; tries <= 2; tries++) {
      await launch()
      server.endCluster(`j-MADE${tries}`, 'TERMINATED_WITH_ERRORS')
      await tickAfter(60_000)
    }
    const { status, counts } = await task()
    assert.deepEqual([status, counts, server.made.size], ['failed', { failed: 2 }, 2])
    assert.match((await attempt(1))?.failure?.message ?? '', /its cluster j-MADE1 has ended/)
  })

  it('ends the cluster of an attempt that takes too long, and by the sweep one that nobody owns', async (test) => {
    const { launch, server, step, tickAfter, task, sweep, client, id } = await launching(test, { job: OWN })
    await launch()
    server.move(step().id, 'RUNNING')
    await tickAfter(60_000)
    await tickAfter(3_600_000)
    await tickAfter(60_000)
    assert.equal(server.clusters.get('j-MADE1'), 'TERMINATED')
    const { counts, attempt } = await task()
    assert.deepEqual([counts, attempt], [{ timed_out: 1 }, 2])
    const orders = ['prod', 'dev'].map((deployment, index) =>
      makeEmrStepLauncher(client, { deployment, places: ['own'] }).launch({
        handover: { run: id, number: 0, attempt: 1, token: `other-${index}` },
        target: 'own',
        details: {
          script: 's',
          arguments: [],
          pyFiles: [],
          properties: {},
          ...(OWN.own && { cluster: OWN.own }),
        },
      }),
    )
    await Promise.all(orders)
    await sweep()
    const ended = [...server.made].filter(([made]) => server.clusters.get(made) === 'TERMINATED')
    assert.deepEqual(
      ended.map(([, { request }]) => String(request.Name).split('/')[1]),
      ['prod', 'prod'],
    )
    assert.equal(server.made.size, 3)
  })

  it('says what is wrong with a cluster that cannot be made', async (test) => {
    const cases: [name: string, told: string, status: string, message: RegExp][] = [
      [
        'ValidationException',
        'Invalid ReleaseLabel',
        'failed',
        /its cluster could not be made: Invalid ReleaseLabel/,
      ],
      ['AccessDeniedException', 'iam:PassRole', 'failed', /these roles may be made .*create-default-roles/],
      ['ValidationException', 'quota of vCPU', 'waiting', /could not be made: quota of vCPU/],
    ]
    for (const [name, told, status, message] of cases) {
      const { launch, server, task, attempt } = await launching(test, { job: OWN })
      server.behaviour.refuse = (operation) =>
        operation === 'RunJobFlow' ? { name, message: told } : undefined
      await launch()
      assert.equal((await task()).status, status, told)
      assert.match((await attempt(1))?.failure?.message ?? '', message)
    }
  })

  it('hears nothing of steps that are not its own', async (test) => {
    const { launch, hear, server, step, task } = await launching(test)
    await launch()
    server.move(step().id, 'COMPLETED')
    server.asked.length = 0
    for (const name of [null, 'nightly', step().name.replace('/prod/', '/dev/')])
      await hear({ source: 'aws.emr', detail: { clusterId: CLUSTER, stepId: step().id, name } })
    assert.deepEqual([(await task()).status, server.asked], ['running', []])
  })
})
