import assert from 'node:assert/strict'
import { it } from 'node:test'
import { EmrServerlessServer } from '../support/emr-serverless-server.ts'
import { type Answered, ask, assertSameShapes, signFor, startMoto } from './moto.ts'

const ROLE = 'arn:aws:iam::123456789012:role/jobs'
const HEADERS = { 'content-type': 'application/json', authorization: signFor('emr-serverless') }

it('the local server of EMR Serverless has the wire shapes of moto', async (test) => {
  const moto = await startMoto(test)
  const own = await EmrServerlessServer.start(test)
  const application = await ask(`${moto}/applications`, 'POST', HEADERS, {
    name: 'a',
    releaseLabel: 'emr-6.6.0',
    type: 'SPARK',
    clientToken: 'a',
  })
  const { applicationId } = application.body
  own.applications.set(applicationId, 'STARTED')
  const runs = `/applications/${applicationId}/jobruns`
  const request = {
    clientToken: 't-1',
    executionRoleArn: ROLE,
    name: 'n',
    jobDriver: { sparkSubmit: { entryPoint: 's3://a/b.py', entryPointArguments: ['x'] } },
    configurationOverrides: {
      applicationConfiguration: [{ classification: 'spark-defaults', properties: { a: 'b' } }],
    },
  }
  const theirs: { [what: string]: Answered } = {}
  const ours: typeof theirs = {}
  for (const [url, answers] of [
    [moto, theirs],
    [own.url, ours],
  ] as const) {
    answers.start = await ask(`${url}${runs}`, 'POST', HEADERS, request)
    const one = `${runs}/${answers.start.body.jobRunId}`
    if (url === own.url) own.move(answers.start.body.jobRunId, 'SUCCESS')
    answers.get = await ask(`${url}${one}`, 'GET', HEADERS)
    answers.list = await ask(`${url}${runs}?maxResults=50&states=SUCCESS&states=FAILED`, 'GET', HEADERS)
    answers.filtered = await ask(`${url}${runs}?states=RUNNING`, 'GET', HEADERS)
    answers.missing = await ask(`${url}${runs}/00none`, 'GET', HEADERS)
    answers.without = await ask(`${url}/applications/00none/jobruns`, 'POST', HEADERS, request)
    const second = await ask(`${url}${runs}`, 'POST', HEADERS, { ...request, clientToken: 't-2' })
    answers.cancel = await ask(`${url}${runs}/${second.body.jobRunId}`, 'DELETE', HEADERS)
  }
  assertSameShapes(theirs, ours, READ)
  assert.equal(theirs.list?.body.jobRuns.length, ours.list?.body.jobRuns.length)
  assert.deepEqual([theirs.filtered?.body.jobRuns, ours.filtered?.body.jobRuns], [[], []])
})

/** The fields that the launcher reads. */
const READ = [
  'jobRunId',
  'applicationId',
  '.id',
  '.name',
  '.state',
  '.stateDetails',
  '.updatedAt',
  '.createdAt',
  'nextToken',
  'billedResourceUtilization',
  'message',
]
