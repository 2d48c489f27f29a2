import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { it } from 'node:test'
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs'
import { makeLogReader } from '../../src/adapters/cloudwatch/logs.ts'

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html, compound expressions of JSON patterns. */
it('asks CloudWatch only for lines of the run, task, attempt and levels', async (test) => {
  const patterns: string[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    patterns.push(JSON.parse(Buffer.concat(chunks).toString()).filterPattern)
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end('{"events":[]}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  test.after(() => new Promise((resolve) => server.close(resolve)))
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  const client = new CloudWatchLogsClient({ endpoint, region: 'eu-west-2', credentials, maxAttempts: 1 })
  const read = makeLogReader(client)
  await read('pool', { run: 'a "b', from: 0 })
  await read('pool', { run: 'a', number: 1, attempt: 2, from: 0, levels: ['warn', 'error'] })
  await read('pool', { run: 'a', from: 0, levels: ['debug', 'info', 'warn', 'error'] })
  assert.deepEqual(patterns, [
    '{ ($.run = "a \\"b") }',
    '{ ($.run = "a") && ($.number = 1) && ($.attempt = 2) && (($.level = "warn") || ($.level = "error")) }',
    '{ ($.run = "a") }',
  ])
})
