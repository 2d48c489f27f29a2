import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  CloudFormationClient,
  DescribeStacksCommand,
  ListStackResourcesCommand,
} from '@aws-sdk/client-cloudformation'
import { DescribeTimeToLiveCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { ECSClient } from '@aws-sdk/client-ecs'
import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'

/** `npm run smoke -- --env NAME [--config FILE]`: a look at a deployment of the ready-made pipelines in a real account. */
const { values } = parseArgs({ options: { env: { type: 'string' }, config: { type: 'string' } } })
const { env = '', config } = values
if (env === '') throw new Error('It takes --env NAME of a deployment.')
const bin = join(import.meta.dirname, '../../bin/sluice.js')
const common = ['--env', env, ...(config === undefined ? [] : ['--config', config])]
const sluice = (...args: string[]) =>
  execFileSync(process.execPath, [bin, ...args, ...common], { encoding: 'utf8' })

const { loadProject, requireConfig } = await import('../../src/project/load-config.ts')
const { findDeployment } = await import('../../src/homes/remote/deployment.ts')
const { useContainer } = await import('../../src/cli/remote/shell.ts')
const { findDeployedEnvironment } = await import('../../src/define/deployed-environment.ts')
const project = await loadProject(requireConfig(process.cwd(), config))
const deployment = await findDeployment(project, findDeployedEnvironment(project, env))
const { environment, stack, outputs } = deployment
const { region } = environment
const DATE = '2015-05-18'

/** Two visits of one visitor, so that the heavy step has something to count. */
const LOG = ['10:05:01', '10:06:02']
  .map((time) => `192.0.2.7 - - [18/May/2015:${time} +0000] "GET /smoke HTTP/1.1" 200 512 "-" "smoke"`)
  .join('\n')

const checks: [what: string, check: () => Promise<void> | void][] = [
  ['an unsigned call is refused', refusesUnsigned],
  ['pipelines are listed', () => assert.match(sluice('pipelines'), /search-daily/)],
  ['a day runs through Lambda and a container', runsDay],
  ['the lines of a task are found', () => assert.equal(typeof sluice('logs', 'latest', '0'), 'string')],
  ['a shell opens in a fresh container', opensShell],
  ['the table forgets what has expired', hasTimeToLive],
]
let failed = 0
for (const [what, check] of checks)
  try {
    await check()
    console.log(`ok      ${what}`)
  } catch (error) {
    failed++
    console.log(`failed  ${what}: ${(error as Error).message}`)
  }
console.log(`\n${checks.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

async function refusesUnsigned(): Promise<void> {
  const { status } = await fetch(outputs.ApiUrl ?? '', { method: 'POST', body: '{}' })
  assert.equal(status, 403)
}

async function runsDay(): Promise<void> {
  const [, Bucket = '', prefix = ''] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(outputs.Storage ?? '') ?? []
  const s3 = new S3Client({ region })
  const Key = `${prefix === '' ? '' : `${prefix}/`}smoke/access-${Date.now()}.log`
  await s3.send(new PutObjectCommand({ Bucket, Key, Body: LOG }))
  try {
    const said = sluice(
      'run',
      'search-daily',
      '--interval',
      DATE,
      '--force',
      '--source',
      `s3://${Bucket}/${Key}`,
    )
    assert.match(said, /succeeded after/)
  } finally {
    await s3.send(new DeleteObjectCommand({ Bucket, Key }))
  }
}

/** It takes the AWS CLI with its Session Manager plugin. */
async function opensShell(): Promise<void> {
  const client = new ECSClient({ region })
  await useContainer(
    client,
    deployment,
    { status: 'queued', worker: null, pool: 'heavy' },
    async ({ task, container }) => {
      const cluster = deployment.outputs.Cluster ?? ''
      const place = ['--region', region, '--cluster', cluster, '--task', task, '--container', container]
      const args = ['ecs', 'execute-command', ...place, '--interactive', '--command', 'node --version']
      const said = execFileSync('aws', args, { encoding: 'utf8' })
      assert.match(said, /v2\d+\./)
    },
  )
}

async function hasTimeToLive(): Promise<void> {
  const cloudformation = new CloudFormationClient({ region })
  await cloudformation.send(new DescribeStacksCommand({ StackName: stack }))
  const { StackResourceSummaries = [] } = await cloudformation.send(
    new ListStackResourcesCommand({ StackName: stack }),
  )
  const table = StackResourceSummaries.find(({ ResourceType }) => ResourceType === 'AWS::DynamoDB::Table')
  const TableName = table?.PhysicalResourceId ?? ''
  const { TimeToLiveDescription } = await new DynamoDBClient({ region }).send(
    new DescribeTimeToLiveCommand({ TableName }),
  )
  assert.equal(TimeToLiveDescription?.AttributeName, 'expiresAt')
}
