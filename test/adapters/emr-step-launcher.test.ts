import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { EMRClient } from '@aws-sdk/client-emr'
import { makeEmrStepLauncher } from '../../src/adapters/emr/steps/launcher.ts'
import type { LaunchOrder } from '../../src/core/ports/launching.ts'
import type { StepDetails } from '../../src/core/program.ts'
import { launchingSuite } from '../conformance/launching.suite.ts'
import { EmrStepsServer } from '../support/emr-steps-server.ts'

const CLUSTER = 'j-2AXXXXXXGAPLF'
const OTHER = 'j-3BXXXXXXGAPLF'
const DETAILS: StepDetails = {
  script: 's3://assets/clicks.py',
  arguments: ['s3://in', '--out=s3://out'],
  pyFiles: ['s3://assets/a.py', 's3://assets/b.zip'],
  properties: { 'spark.executor.memory': '4g' },
}

const makeOrder = (token: string, target = CLUSTER): LaunchOrder<StepDetails> => ({
  handover: { run: 'clicks-1', number: 7, attempt: 2, token },
  target,
  details: DETAILS,
})

async function start(test: TestContext) {
  const server = await EmrStepsServer.start(test)
  server.clusters.set(CLUSTER, 'WAITING').set(OTHER, 'RUNNING')
  const places = { deployment: 'prod', places: [CLUSTER, OTHER] }
  const launcher = makeEmrStepLauncher(new EMRClient(server.clientConfig), places)
  const add = async (token: string, target = CLUSTER) => {
    const answer = await launcher.launch(makeOrder(token, target))
    assert.ok('handle' in answer, JSON.stringify(answer))
    return answer.handle
  }
  const step = (index = 0) => {
    const found = server.steps[index]
    assert.ok(found)
    return found
  }
  return { server, launcher, add, step }
}

launchingSuite('emr steps', async (test) => {
  const { server, launcher } = await start(test)
  const kinds = new Map<string, string>()
  return {
    launcher,
    order(token, kind) {
      kinds.set(token, kind)
      return makeOrder(token)
    },
    invalid: (token) => makeOrder(token, 'j-404'),
    async pass() {
      for (const { id, name, state } of server.steps) {
        const kind = kinds.get(name.slice(name.lastIndexOf('/') + 1))
        if (state === 'PENDING') server.move(id, 'RUNNING')
        else if (state === 'RUNNING' && kind === 'exits well') server.move(id, 'COMPLETED')
        else if (state === 'RUNNING' && kind === 'exits 3') server.move(id, 'FAILED', 'Unknown Error.')
      }
    },
  }
})

describe('the launcher of steps', () => {
  it('adds a step that runs spark-submit, under the name of the attempt, whose failure stops no other step', async (test) => {
    const { launcher, add, step } = await start(test)
    await add('t-1')
    assert.deepEqual(step().request, {
      JobFlowId: CLUSTER,
      Steps: [
        {
          Name: 'sluice/prod/clicks-1/7/2/t-1',
          ActionOnFailure: 'CONTINUE',
          HadoopJarStep: {
            Jar: 'command-runner.jar',
            Args: [
              ...['spark-submit', '--deploy-mode', 'client', '--conf', 'spark.executor.memory=4g'],
              ...['--py-files', 's3://assets/a.py,s3://assets/b.zip'],
              ...['s3://assets/clicks.py', 's3://in', '--out=s3://out'],
            ],
          },
        },
      ],
    })
    const role = 'arn:aws:iam::123456789012:role/runtime'
    await launcher.launch({ ...makeOrder('t-2'), details: { ...DETAILS, role } })
    assert.equal(step(1).request.ExecutionRoleArn, role)
  })

  it('finds a step among those of many pages, in its cluster alone, and no older one', async (test) => {
    const { server, launcher, add } = await start(test)
    server.pageSize = 2
    const first = await add('t-0')
    for (let number = 1; number < 7; number++) await add(`t-${number}`)
    const query = { token: 't-0', since: Date.now() - 1_000 }
    assert.equal(await launcher.find({ ...query, target: CLUSTER }), first)
    for (const target of [OTHER, 'j-404']) assert.equal(await launcher.find({ ...query, target }), undefined)
    server.asked.length = 0
    assert.equal(
      await launcher.find({ token: 't-0', target: CLUSTER, since: Date.now() + 600_000 }),
      undefined,
    )
    assert.deepEqual(server.asked, ['ListSteps'])
  })

  it('launches with two requests, and nothing again whose answer was lost', async (test) => {
    const { server, add } = await start(test)
    const first = await add('t-1')
    assert.deepEqual(server.asked, ['ListSteps', 'AddJobFlowSteps'])
    assert.deepEqual([await add('t-1'), server.steps.length], [first, 1])
  })

  it('looks at many by few lists, and at those that have ended ten at a time', async (test) => {
    const { server, launcher, add, step } = await start(test)
    server.pageSize = 20
    const handles: string[] = []
    for (let number = 0; number < 60; number++) handles.push(await add(`t-${number}`))
    for (let number = 0; number < 15; number++) server.move(step(number).id, 'COMPLETED')
    server.asked.length = 0
    const states = await launcher.look([...handles, `${CLUSTER}/s-none`])
    assert.deepEqual(
      [states[0]?.is, states[14]?.is, states[15]?.is, states[59]?.is, states[60]],
      ['ended', 'ended', 'waiting', 'waiting', undefined],
    )
    const counts = Object.fromEntries(
      [...Map.groupBy(server.asked, (each) => each)].map(([operation, all]) => [operation, all.length]),
    )
    // 45 that are open, twenty on a page, with their cluster; 15 by their ids in two calls, of which one has an id that is not known.
    assert.deepEqual(counts, { ListSteps: 3 + 2 + 6, DescribeCluster: 3 })
  })

  it('loses what a cluster leaves open when it ends, and nothing that has ended before', async (test) => {
    const { server, launcher, add, step } = await start(test)
    const handles = [await add('t-1'), await add('t-2'), await add('t-3')]
    server.move(step(0).id, 'COMPLETED')
    server.move(step(1).id, 'RUNNING')
    server.clusters.set(CLUSTER, 'TERMINATED')
    const states = await launcher.look(handles)
    assert.deepEqual(
      states.map((state) => state?.end?.cause),
      ['succeeded', 'lost', 'lost'],
    )
    assert.match(states[1]?.end?.message ?? '', /cluster j-2AXXXXXXGAPLF has ended: Terminated by user/)
    assert.deepEqual((await launcher.list()).jobs, [])
    server.clusters.delete(CLUSTER)
    assert.deepEqual(await launcher.look(handles), [undefined, undefined, undefined])
  })

  it('lists the open steps of all its clusters, also if one is gone, and names those of its own deployment', async (test) => {
    const { server, launcher, add } = await start(test)
    server.clusters.delete(OTHER)
    await add('t-1')
    const client = new EMRClient(server.clientConfig)
    await makeEmrStepLauncher(client, { deployment: 'dev', places: [] }).launch(makeOrder('t-2'))
    const first = await launcher.list()
    assert.deepEqual(
      first.jobs.map(({ handover }) => handover?.token),
      [undefined, 't-1'],
    )
    assert.deepEqual(await launcher.list(first.cursor), { jobs: [] })
  })

  it('asks a program to end, then ends it, and believes no cancel that EMR has only accepted', async (test) => {
    const { server, launcher, add, step } = await start(test)
    const handle = await add('t-1')
    server.behaviour.cancels = 'later'
    server.move(step().id, 'RUNNING')
    await launcher.stop(handle, 'cancelled')
    assert.equal((await launcher.look([handle]))[0]?.is, 'running')
    await launcher.stop(handle, 'cancelled')
    assert.deepEqual(step().cancels, ['SEND_INTERRUPT', 'TERMINATE_PROCESS'])
    server.move(step().id, 'CANCELLED')
    assert.equal((await launcher.look([handle]))[0]?.end?.cause, 'cancelled')
  })

  it('tells why a step has ended', async (test) => {
    const { server, launcher, add, step } = await start(test)
    const handle = await add('t-1')
    const failure = {
      Reason: 'Application error',
      Message: 'ValueError: no rows',
      LogFile: 's3://l/stderr.gz',
    }
    const ends: [string, string, typeof failure | undefined, string, RegExp][] = [
      ['COMPLETED', '', undefined, 'succeeded', /completed/],
      ['FAILED', 'x', failure, 'failed', /Application error: ValueError: no rows: x \(its log: s3:\/\/l\//],
      ['FAILED', '', undefined, 'failed', /gave no reason/],
      ['CANCELLED', 'by user', undefined, 'cancelled', /was cancelled: by user/],
      ['INTERRUPTED', '', undefined, 'cancelled', /was interrupted/],
    ]
    for (const [state, reason, details, cause, text] of ends) {
      server.move(step().id, state, reason, details)
      const [seen] = await launcher.look([handle])
      assert.equal(seen?.end?.cause, cause, state)
      assert.match(seen.end.message, text)
    }
  })

  it('tells what stands in the way of a launch, and what to do', async (test) => {
    const { server, launcher } = await start(test)
    const refusals: [name: string, message: string, is: string, text: RegExp][] = [
      ['ThrottlingException', 'Rate exceeded', 'throttled', /Rate exceeded/],
      ['ValidationException', 'Rate exceeded', 'throttled', /Rate exceeded/],
      ['AccessDeniedException', 'not authorized', 'invalid', /not authorized.*deploy again/],
      ['ValidationException', 'Args are too long', 'invalid', /^Args are too long$/],
    ]
    for (const [name, message, is, text] of refusals)
      for (const operation of ['ListSteps', 'AddJobFlowSteps']) {
        server.behaviour.refuse = (asked) => (asked === operation ? { name, message } : undefined)
        const answer = await launcher.launch(makeOrder('t-1'))
        assert.equal(answer.is, is, `${operation} ${name}`)
        assert.match('message' in answer ? answer.message : '', text)
      }
    server.behaviour.refuse = () => ({ name: 'InternalServerException', message: 'no', status: 500 })
    await assert.rejects(launcher.launch(makeOrder('t-1')), { name: 'InternalServerException' })
    server.behaviour.refuse = () => undefined
    server.clusters.set(CLUSTER, 'TERMINATED')
    for (const target of [CLUSTER, 'j-404']) {
      const answer = await launcher.launch(makeOrder('t-1', target))
      assert.match('message' in answer ? answer.message : '', /takes no steps.*name one that runs/)
    }
  })

  it('waits for a cluster that has as many open steps as it may have', async (test) => {
    const { server, launcher, add } = await start(test)
    for (let number = 0; number < 256; number++) await add(`t-${number}`)
    const answer = await launcher.launch(makeOrder('t-more'))
    assert.deepEqual([answer.is, server.steps.length], ['no_capacity', 256])
  })
})

describe('clusters that are named by their names', () => {
  const NIGHTLY = 'name:nightly'

  async function startNamed(test: TestContext) {
    const started = await start(test)
    let now = 1_000_000
    const { server } = started
    server.names.set(CLUSTER, 'nightly')
    const places = { deployment: 'prod', places: [NIGHTLY, OTHER] }
    const launcher = makeEmrStepLauncher(new EMRClient(server.clientConfig), places, () => now)
    const pass = (ms: number) => {
      now += ms
    }
    return { ...started, launcher, pass, locate: (target = NIGHTLY) => launcher.locate?.(target) }
  }

  it('are those that run, are asked for once in a while, and an id is not asked for at all', async (test) => {
    const { server, locate, pass } = await startNamed(test)
    server.pageSize = 1
    assert.deepEqual(await locate(OTHER), { is: 'located', target: OTHER })
    assert.deepEqual(server.asked, [])
    const found = await Promise.all([locate(), locate(), locate()])
    assert.deepEqual(found[2], { is: 'located', target: CLUSTER })
    assert.deepEqual(server.asked, ['ListClusters', 'ListClusters'], 'two pages, once')
    server.clusters.set(CLUSTER, 'TERMINATING').set('j-5', 'WAITING')
    server.names.set('j-5', 'nightly')
    pass(30_000)
    assert.deepEqual(await locate(), { is: 'located', target: 'j-5' })
  })

  it('are waited for if none runs, refused if several do, and asked for later if EMR throttles', async (test) => {
    const { server, locate, pass } = await startNamed(test)
    const told = async () => {
      pass(30_000)
      const { is, message } = (await locate()) as { is: string; message: string }
      return [is, message] as const
    }
    server.clusters.set(CLUSTER, 'STARTING')
    assert.deepEqual(await told(), ['no_capacity', 'no cluster "nightly" is running; it is waited for'])
    server.clusters.set(CLUSTER, 'RUNNING').set('j-5', 'WAITING')
    server.names.set('j-5', 'nightly')
    const [is, message] = await told()
    assert.equal(is, 'invalid')
    assert.match(message, /^several clusters "nightly" are running \(j-2AXXXXXXGAPLF, j-5\); end all but one/)
    server.behaviour.refuse = () => ({ name: 'ThrottlingException', message: 'Rate exceeded' })
    assert.equal((await told())[0], 'throttled')
    server.behaviour.refuse = () => ({ name: 'AccessDeniedException', message: 'no' })
    assert.equal((await told())[0], 'invalid')
    server.behaviour.refuse = () => undefined
    server.clusters.delete('j-5')
    assert.deepEqual(await locate(), { is: 'located', target: CLUSTER }, 'a refusal is not believed')
  })

  it('are waited for anew if one ends between being found and the step', async (test) => {
    const { server, launcher, locate } = await startNamed(test)
    await locate()
    server.clusters.set(CLUSTER, 'TERMINATED')
    const answer = await launcher.launch(makeOrder('t-1'))
    assert.deepEqual(answer, {
      is: 'no_capacity',
      message: `the cluster "nightly" (${CLUSTER}) has ended; another one is waited for`,
    })
    assert.equal(((await locate()) as { is: string }).is, 'no_capacity', 'it is looked for again at once')
    server.clusters.set(OTHER, 'TERMINATED')
    assert.equal(((await launcher.launch(makeOrder('t-2', OTHER))) as { is: string }).is, 'invalid')
  })

  it('have no steps as long as they are not found, and their open steps are listed', async (test) => {
    const { server, launcher, add } = await startNamed(test)
    assert.equal(await launcher.find({ token: 't-1', target: NIGHTLY, since: 0 }), undefined)
    assert.deepEqual(server.asked, [])
    const handles = [await add('t-1'), await add('t-2', OTHER)]
    const first = await launcher.list()
    const second = await launcher.list(first.cursor)
    assert.deepEqual(
      [...first.jobs, ...second.jobs].map(({ handle }) => handle),
      handles,
    )
    assert.equal(second.cursor, undefined)
  })
})
