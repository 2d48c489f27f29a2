import assert from 'node:assert/strict'
import { it } from 'node:test'
import { EmrStepsServer } from '../support/emr-steps-server.ts'
import { type Answered, ask, assertSameShapes, signFor, startMoto } from './moto.ts'

const call = (url: string, operation: string, body: object) =>
  ask(
    `${url}/`,
    'POST',
    {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `ElasticMapReduce.${operation}`,
      authorization: signFor('elasticmapreduce'),
      host: 'elasticmapreduce.eu-west-2.amazonaws.com',
    },
    body,
  )

it('the local server of steps has the wire shapes of moto', async (test) => {
  const moto = await startMoto(test)
  const own = await EmrStepsServer.start(test)
  const { body } = await call(moto, 'RunJobFlow', {
    Name: 'a',
    ReleaseLabel: 'emr-7.5.0',
    Instances: { MasterInstanceType: 'm5.xlarge', InstanceCount: 1, KeepJobFlowAliveWhenNoSteps: true },
    JobFlowRole: 'r',
    ServiceRole: 's',
  })
  const cluster = body.JobFlowId
  own.clusters.set(cluster, 'WAITING')
  const Args = ['spark-submit', 's3://a/b.py']
  const Steps = ['n-1', 'n-2'].map((Name) => ({
    Name,
    ActionOnFailure: 'CONTINUE',
    HadoopJarStep: { Jar: 'command-runner.jar', Args },
  }))
  const theirs: { [what: string]: Answered } = {}
  const ours: typeof theirs = {}
  for (const [url, answers] of [
    [moto, theirs],
    [own.url, ours],
  ] as const) {
    answers.add = await call(url, 'AddJobFlowSteps', { JobFlowId: cluster, Steps })
    const [first] = answers.add.body.StepIds
    if (url === own.url) own.move(first, 'RUNNING')
    answers.byId = await call(url, 'ListSteps', { ClusterId: cluster, StepIds: [first] })
    answers.open = await call(url, 'ListSteps', { ClusterId: cluster, StepStates: ['PENDING', 'RUNNING'] })
    answers.all = await call(url, 'ListSteps', { ClusterId: cluster })
    answers.filtered = await call(url, 'ListSteps', { ClusterId: cluster, StepStates: ['FAILED'] })
    answers.clusters = await call(url, 'ListClusters', { ClusterStates: ['RUNNING', 'WAITING'] })
    answers.made = await call(url, 'RunJobFlow', {
      Name: 'own',
      ReleaseLabel: 'emr-7.5.0',
      Instances: { MasterInstanceType: 'm5.xlarge', InstanceCount: 1, KeepJobFlowAliveWhenNoSteps: false },
      JobFlowRole: 'r',
      ServiceRole: 's',
      Steps: Steps.slice(0, 1),
    })
    const { JobFlowId } = answers.made.body
    // Steps of moto's clusters run at once.
    if (url === own.url) own.move(own.steps.at(-1)?.id ?? '', 'RUNNING')
    answers.steps = await call(url, 'ListSteps', { ClusterId: JobFlowId })
    answers.later = await call(url, 'ListClusters', { CreatedAfter: Date.now() / 1_000 - 60 })
    answers.ended = await call(url, 'TerminateJobFlows', { JobFlowIds: [JobFlowId] })
    answers.cluster = await call(url, 'DescribeCluster', { ClusterId: cluster })
  }
  assertSameShapes(theirs, ours, READ)
  const names = (answered: Answered | undefined) =>
    answered?.body.Steps.map(({ Name }: { Name: string }) => Name)
  for (const what of ['byId', 'all', 'open', 'filtered'])
    assert.deepEqual(names(theirs[what]), names(ours[what]), what)
})

/** The fields that the launcher reads. */
const READ = [
  '.Id',
  '.Name',
  '.State',
  'CreationDateTime',
  'StartDateTime',
  'EndDateTime',
  'StateChangeReason',
  'StepIds',
  'JobFlowId',
  'Marker',
  'message',
]
