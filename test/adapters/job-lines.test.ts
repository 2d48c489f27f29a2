import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs'
import { makeLogReader } from '../../src/adapters/cloudwatch/logs.ts'

const RUN = 'clicks-1'
/** Streams of EMR Serverless: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html */
const EVENTS = [
  {
    logStreamName: 'emr/clicks-1/7/1/applications/00a/jobs/1/SPARK_DRIVER/stderr',
    message: '26/01/02 10:00:00 ERROR Client: first try\n',
  },
  { logStreamName: 'emr/clicks-1/7/2/applications/00a/jobs/2/SPARK_DRIVER/stdout', message: 'two\nlines' },
  { logStreamName: 'emr/clicks-1/70/1/applications/00a/jobs/3/SPARK_DRIVER/stdout', message: 'other task' },
  { logStreamName: 'emr/clicks-10/7/1/applications/00a/jobs/4/SPARK_DRIVER/stdout', message: 'other run' },
].map((each, index) => ({ ...each, timestamp: 1_000 + index }))

/** Answers FilterLogEvents as CloudWatch does for the prefix of the names of streams. */
async function serve(test: TestContext) {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { logStreamNamePrefix, startTime } = JSON.parse(Buffer.concat(chunks).toString())
    const events = EVENTS.filter(
      ({ logStreamName, timestamp }) =>
        logStreamName.startsWith(logStreamNamePrefix) && timestamp >= startTime,
    )
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify({ events }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  test.after(() => new Promise((resolve) => server.close(resolve)))
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  return makeLogReader(
    new CloudWatchLogsClient({ endpoint, region: 'eu-west-2', credentials, maxAttempts: 1 }),
  )
}

describe('lines of jobs of EMR', () => {
  it('are those of one run, of one task or of one attempt, by the names of their streams', async (test) => {
    const read = await serve(test)
    const { lines } = await read('pool', { run: RUN, from: 0, ofJobs: true, number: 7, attempt: 1 })
    assert.deepEqual(
      lines.map(({ level }) => level),
      ['error'],
    )
    const texts = async (of: { number?: number; attempt?: number }, from = 0) => {
      const { lines } = await read('pool', { run: RUN, from, ofJobs: true, ...of })
      return lines.map(({ number, attempt, text }) => [number, attempt, text])
    }
    const ofTask = [
      [7, 1, '26/01/02 10:00:00 ERROR Client: first try'],
      [7, 2, 'two'],
      [7, 2, 'lines'],
    ]
    assert.deepEqual(await texts({ number: 7 }), ofTask)
    assert.deepEqual(await texts({ number: 7, attempt: 2 }), ofTask.slice(1))
    assert.deepEqual(await texts({}), [...ofTask, [70, 1, 'other task']])
    assert.deepEqual(await texts({ attempt: 2 }), ofTask.slice(1))
    assert.deepEqual(await texts({ number: 7 }, 1_001), ofTask.slice(1))
  })
})
