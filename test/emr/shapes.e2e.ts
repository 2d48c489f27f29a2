import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { it, type TestContext } from 'node:test'
import { EmrServerlessServer } from '../support/emr-serverless-server.ts'

const ROLE = 'arn:aws:iam::123456789012:role/jobs'
/** A user's credentials may be anything: moto takes the account from the key. */
const HEADERS = {
  'content-type': 'application/json',
  authorization:
    'AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-2/emr-serverless/aws4_request, SignedHeaders=host, Signature=0',
}

/** Moto on a port of its own choice. */
async function startMoto(test: TestContext): Promise<string> {
  const moto = spawn(process.env.MOTO_SERVER ?? 'moto_server', ['-H', '127.0.0.1', '-p', '0'])
  test.after(() => moto.kill())
  for await (const line of createInterface(moto.stderr)) {
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0]
    if (url !== undefined) return url
  }
  return assert.fail('moto did not start')
}

async function ask(url: string, method: string, path: string, body?: object) {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: HEADERS,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  return {
    isGood: answer.ok,
    error: answer.headers.get('x-amzn-errortype')?.split(':')[0],
    body: text === '' ? {} : JSON.parse(text),
  }
}

/** The names and kinds of the fields of an answer, at every depth. */
function shapeOf(value: unknown, at = ''): string[] {
  if (Array.isArray(value)) return value.slice(0, 1).flatMap((each) => shapeOf(each, `${at}[]`))
  if (typeof value !== 'object' || value === null) return value === null ? [] : [`${at}: ${typeof value}`]
  return Object.entries(value).flatMap(([name, inner]) => shapeOf(inner, `${at}.${name}`))
}

it('the local server of EMR Serverless has the wire shapes of moto', async (test) => {
  const moto = await startMoto(test)
  const own = await EmrServerlessServer.start(test)
  const application = await ask(moto, 'POST', '/applications', {
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
  const theirs: { [what: string]: Awaited<ReturnType<typeof ask>> } = {}
  const ours: typeof theirs = {}
  for (const [url, answers] of [
    [moto, theirs],
    [own.url, ours],
  ] as const) {
    answers.start = await ask(url, 'POST', runs, request)
    const one = `${runs}/${answers.start.body.jobRunId}`
    if (url === own.url) own.move(answers.start.body.jobRunId, 'SUCCESS')
    answers.get = await ask(url, 'GET', one)
    answers.list = await ask(url, 'GET', `${runs}?maxResults=50&states=SUCCESS&states=FAILED`)
    answers.filtered = await ask(url, 'GET', `${runs}?states=RUNNING`)
    answers.missing = await ask(url, 'GET', `${runs}/00none`)
    answers.without = await ask(url, 'POST', '/applications/00none/jobruns', request)
    const second = await ask(url, 'POST', runs, { ...request, clientToken: 't-2' })
    answers.cancel = await ask(url, 'DELETE', `${runs}/${second.body.jobRunId}`)
  }
  for (const [what, { isGood, error, body }] of Object.entries(theirs)) {
    assert.equal(ours[what]?.isGood, isGood, what)
    if (!isGood) assert.equal(ours[what]?.error, error, what)
    const known = new Set(shapeOf(ours[what]?.body))
    // What ours leaves out the launcher does not read, and EMR itself may leave it out.
    const read = shapeOf(body).filter((field) => READ.some((each) => field.includes(each)))
    assert.deepEqual(
      read.filter((field) => !known.has(field)),
      [],
      what,
    )
    if (what === 'list') assert.equal(body.jobRuns.length, ours[what]?.body.jobRuns.length)
    if (what === 'filtered') assert.deepEqual([body.jobRuns, ours[what]?.body.jobRuns], [[], []])
  }
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
