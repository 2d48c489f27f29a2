import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App, Stack } from 'aws-cdk-lib'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as sqs from 'aws-cdk-lib/aws-sqs'
import { buildSync } from 'esbuild'
import { allowRecursiveLoops, LONGEST_TIMEOUT, OwnFunction } from '../../infra/constructs/function.ts'
import { makePoolSource } from '../../infra/pools.ts'
import { CONCURRENCY } from './concurrency.ts'

/** A queue and a function that gets its messages as the function of a pool does: what the emulator can do at most. */
const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-bare-'))
buildSync({
  entryPoints: [join(import.meta.dirname, 'bare-function.ts')],
  outfile: join(folder, 'index.js'),
  bundle: true,
  platform: 'node',
  target: 'node24',
})
const app = new App()
const stack = new Stack(app, 'sluice-bench-bare')
const queue = new sqs.Queue(stack, 'Messages', { visibilityTimeout: LONGEST_TIMEOUT })
const own = new OwnFunction(stack, 'Bare', {
  description: 'Sends messages on',
  folder,
  module: 'index',
  environment: { QUEUE_URL: queue.queueUrl },
  allows: {
    statements: [new iam.PolicyStatement({ actions: ['sqs:SendMessage'], resources: [queue.queueArn] })],
  },
  logRetentionDays: 1,
  timeout: LONGEST_TIMEOUT,
})
own.function.addEventSource(makePoolSource(queue, CONCURRENCY))
allowRecursiveLoops(own.function)
app.synth()
rmSync(folder, { recursive: true })
