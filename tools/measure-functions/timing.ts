import { spawn } from 'node:child_process'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { DeployedFunction } from './bundles.ts'

/** CPU time of a fresh process, in milliseconds, beside what Node itself takes. */
export interface Timing {
  /** Until the handler is there, as Lambda begins to load it. */
  load: number
  /** The first call, with an event that asks for nothing. */
  call: number
}

const makeSettings = (endpoint: string) => ({
  AWS_ENDPOINT_URL: endpoint,
  SLUICE_ENVIRONMENT: 'measured',
  SLUICE_STACK: 'sluice-measured',
  SLUICE_TABLE: 'table',
  SLUICE_BUCKET: 'bucket',
  SLUICE_CODE: 'code',
  SLUICE_QUEUES: JSON.stringify({ '*': `${endpoint}/1/` }),
  SLUICE_STORAGE: 's3://bucket/targets/',
  SLUICE_SECRETS: 'secrets',
  SLUICE_MACHINES: 'arn:machines',
  SLUICE_LAUNCHER: 'launcher',
  SLUICE_REPAIR_QUEUE: `${endpoint}/1/repair`,
  SLUICE_LOG_GROUPS: '{}',
  SLUICE_WORKERS:
    '{"cluster":"c","subnets":[],"securityGroups":[],"publicIp":false,"families":"sluice-measured-"}',
  SLUICE_EMR: '{"applications":{},"clusters":[],"roles":{},"logGroups":{},"files":"s3://bucket/files/"}',
  SLUICE_POOL: 'default',
  SLUICE_MEMORY_MB: '1024',
  AWS_REGION: 'eu-west-2',
  AWS_ACCESS_KEY_ID: 'measured',
  AWS_SECRET_ACCESS_KEY: 'measured',
  AWS_EC2_METADATA_DISABLED: 'true',
})

/** Loads a module and calls its handler, and prints the CPU time of both. */
const SCRIPT = `
const spent = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000 }
const began = spent()
const { handler } = await import(process.argv[1])
const loaded = spent()
const context = { getRemainingTimeInMillis: () => 60_000 }
let problem
await Promise.resolve(handler(JSON.parse(process.argv[2]), context)).catch((error) => { problem = String(error) })
process.stdout.write('\\n' + JSON.stringify({ load: loaded - began, call: spent() - loaded, problem }))
process.exit()
`

/** Events that ask for nothing; `tick` and `schedule` look for what is due, which is nothing here. */
const EVENTS: { [name: string]: object } = {
  tick: {},
  schedule: {},
  'launch-workers': {},
  'job-events': { source: 'aws.states', detail: { executionArn: 'arn:none', status: 'SUCCEEDED' } },
  api: {
    version: '2.0',
    rawPath: '/none',
    rawQueryString: '',
    headers: { host: 'localhost' },
    requestContext: { http: { method: 'GET', path: '/none' } },
    isBase64Encoded: false,
  },
}

/** An AWS in which nothing is. Close it at the end. */
export async function startEmptyAws(): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.end(JSON.stringify(answer(request))))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

function answer({ headers }: IncomingMessage): object {
  const target = String(headers['x-amz-target'] ?? '')
  if (target.endsWith('BatchGetItem')) return { Responses: {}, UnprocessedKeys: {} }
  return target.endsWith('Query') ? { Items: [], Count: 0 } : {}
}

/** Times the module of a function in a fresh process; throws what is wrong with it. */
export async function timeFunction({ name, module }: DeployedFunction, aws: Server): Promise<Timing> {
  const { port } = aws.address() as AddressInfo
  const event = name === 'plan' ? PLAN : (EVENTS[name] ?? { Records: [] })
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', SCRIPT, module, JSON.stringify(event)],
    {
      env: makeSettings(`http://127.0.0.1:${port}`),
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  let printed = ''
  child.stdout.on('data', (chunk) => {
    printed += chunk
  })
  const code = await new Promise((resolve) => child.on('close', resolve))
  if (code !== 0) throw new Error(`${name} ended with ${code}`)
  const { load, call, problem } = JSON.parse(printed.trim().split('\n').at(-1) ?? '')
  if (problem !== undefined) throw new Error(`${name} answers: ${problem}`)
  return { load, call }
}

/** An input that names no parameter of any pipeline, so that the execution is answered at once. */
const PLAN = { token: 't', execution: 'arn:e', name: 'none', input: { name: 'none' } }
