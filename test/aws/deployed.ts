import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { CloudFormationClient, ListStackResourcesCommand } from '@aws-sdk/client-cloudformation'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { ECSClient, ListTasksCommand } from '@aws-sdk/client-ecs'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import {
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn'
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs'

const here = dirname(fileURLToPath(import.meta.url))
const ownVersion = join(here, '../..')

/** The folder of the project that is deployed. */
export const projectFolder = join(here, 'project')
export const clients = {
  cloudformation: new CloudFormationClient({}),
  dynamodb: new DynamoDBClient({}),
  ecs: new ECSClient({}),
  lambda: new LambdaClient({}),
  s3: new S3Client({}),
  sfn: new SFNClient({}),
  sqs: new SQSClient({}),
}

/** What runs containers here: `docker` or `podman`. */
export const engine = process.env.AWS_TEST_ENGINE ?? 'podman'

/** A name that no other test has. */
export const unique = (name: string) => `${name}-${randomUUID().slice(0, 8)}`

/** Physical names of a stack's resources, by the beginning of their logical ids. */
export async function resourceOf(stack: string, logical: string, type: string): Promise<string> {
  let after: string | undefined
  do {
    const page: {
      StackResourceSummaries?: {
        LogicalResourceId?: string
        PhysicalResourceId?: string
        ResourceType?: string
      }[]
      NextToken?: string
    } = await clients.cloudformation.send(
      new ListStackResourcesCommand({
        StackName: stack,
        ...(after === undefined ? {} : { NextToken: after }),
      }),
    )
    for (const {
      LogicalResourceId = '',
      PhysicalResourceId = '',
      ResourceType,
    } of page.StackResourceSummaries ?? [])
      if (isCalled(LogicalResourceId, logical) && ResourceType === type) return PhysicalResourceId
    after = page.NextToken
  } while (after !== undefined)
  throw new Error(`the stack ${stack} has no ${type} ${logical}`)
}

/** Logical ids end in eight digits of a hash. */
const isCalled = (id: string, name: string) =>
  id.startsWith(name) && /^[0-9A-F]{8}$/.test(id.slice(name.length))

/** How a command ended. */
export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** How the command is run. */
interface CommandOptions {
  input?: string
  /** Another project. */
  cwd?: string
  /** The checkout of another version. */
  version?: string
  /** The build that it deploys, one of `builds/`. */
  build?: string
}

/** Runs the command in the test project. */
export function sluice(
  args: string[],
  { input, cwd = projectFolder, version = ownVersion, build }: CommandOptions = {},
): Promise<Ended> {
  const bin = join(version, 'bin/sluice.js')
  const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1', NODE_TEST_CONTEXT: undefined }
  if (build !== undefined) env.SLUICE_TEST_BUILD = join(import.meta.dirname, `builds/${build}.ts`)
  const child = spawn(process.execPath, [bin, ...args], { cwd, env })
  child.stdin.end(input)
  const ended: Ended = { code: null, stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => {
    ended.stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    ended.stderr += chunk
  })
  return new Promise((resolve) => child.on('close', (code) => resolve({ ...ended, code })))
}

/** The same with `--env test --json`, parsed. */
// biome-ignore lint/suspicious/noExplicitAny: data of the command, whatever it is
export async function json(...args: string[]): Promise<any> {
  const { stdout, stderr } = await sluice([...args, '--env', 'test', '--json'])
  const lines = stdout.trim().split('\n').filter(Boolean)
  if (lines.length === 0) throw new Error(`no data: ${stderr}`)
  const parsed = lines.map((line) => JSON.parse(line))
  return parsed.length === 1 ? parsed[0] : parsed
}

const machineArn = (machine: string, stack = 'sluice-test') =>
  `arn:aws:states:us-east-1:000000000000:stateMachine:${stack}-${machine}`

/** Starts an execution as the console does: any name, parameters as its input. */
export async function startInConsole(machine: string, input: unknown, stack?: string): Promise<string> {
  const { executionArn = '' } = await clients.sfn.send(
    new StartExecutionCommand({
      stateMachineArn: machineArn(machine, stack),
      name: unique('console'),
      input: JSON.stringify(input),
    }),
  )
  return executionArn
}

/** How an execution ended. */
export async function endOf(executionArn: string, seconds = 60): Promise<DescribeExecutionCommandOutput> {
  return until(seconds, `the end of ${executionArn}`, async () => {
    const told = await clients.sfn.send(new DescribeExecutionCommand({ executionArn }))
    return told.status === 'RUNNING' ? undefined : told
  })
}

/** How often the command is asked again for what takes a while: to start it takes half a second of computing. */
export const COMMAND_EVERY_MS = 2_000

/** Looks every half second, or so often as is said, until there is something. */
export async function until<T>(
  seconds: number,
  what: string,
  look: () => Promise<T | undefined>,
  everyMs = 500,
): Promise<T> {
  const last = Date.now() + seconds * 1000
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > last) throw new Error(`waited ${seconds} s in vain for ${what}`)
    await sleep(everyMs)
  }
}

/** Physical names of functions, which an update of their stack leaves as they are. */
const functions = new Map<string, Promise<string>>()

/** Invokes a function of Sluice now, instead of waiting for its minute. */
export async function invoke(name: string, payload: object = {}, stack = 'sluice-test'): Promise<void> {
  const logical = `Sluice${name.replaceAll('-', '')}Function`
  const found = functions.get(`${stack}/${name}`) ?? resourceOf(stack, logical, 'AWS::Lambda::Function')
  functions.set(`${stack}/${name}`, found)
  const FunctionName = await found
  await clients.lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify(payload) }))
}

/** Ticks every few seconds while something goes on: what is due by time need not wait for its minute. */
export async function whileTicking<T>(work: Promise<T>, stack?: string): Promise<T> {
  let isOver = false
  const over = work.finally(() => {
    isOver = true
  })
  over.catch(() => {})
  while (!isOver) {
    await invoke('tick', {}, stack)
    await Promise.race([sleep(2_000), over.catch(() => {})])
  }
  return over
}

/** Containers of a pool that run. */
export async function containersOf(pool: string): Promise<string[]> {
  const cluster = await resourceOf('sluice-test', 'SluiceContainersCluster', 'AWS::ECS::Cluster')
  const { taskArns = [] } = await clients.ecs.send(
    new ListTasksCommand({ cluster, family: `sluice-test-${pool}`, desiredStatus: 'RUNNING' }),
  )
  return taskArns
}

/** The content of a target, as JSON. */
// biome-ignore lint/suspicious/noExplicitAny: whatever a test's task has written
export async function targetOf(path: string, stack = 'sluice-test'): Promise<any> {
  const Bucket = await resourceOf(stack, 'SluiceRecordsBucket', 'AWS::S3::Bucket')
  const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket, Key: `targets/${path}` }))
  return JSON.parse((await Body?.transformToString()) ?? 'null')
}

/** Messages that lie in a queue. */
export async function messagesIn(logical: string): Promise<number> {
  const QueueUrl = await resourceOf('sluice-test', logical, 'AWS::SQS::Queue')
  const { Attributes } = await clients.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['ApproximateNumberOfMessages'] }),
  )
  return Number(Attributes?.ApproximateNumberOfMessages)
}
