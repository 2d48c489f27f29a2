import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { CloudWatchLogsClient, DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs'
import { ScanCommand } from '@aws-sdk/client-dynamodb'
import { ListObjectsV2Command } from '@aws-sdk/client-s3'
import { earlierVersion } from '../compatibility/earlier-version.ts'
import {
  clients,
  endOf,
  projectFolder,
  resourceOf,
  sluice,
  startInConsole,
  targetOf,
  unique,
  until,
  whileTicking,
} from './deployed.ts'

const STACK = 'sluice-earlier'
const cwd = join(projectFolder, 'earlier')
// The earlier version has short leases by another way.
process.env.SLUICE_TEST_REPLACE = JSON.stringify({
  'src/deployed/timing': join(import.meta.dirname, 'builds/earlier-timing.ts'),
})

/** Runs a command on the deployment: of this version, or of the one in a checkout. */
async function ok(args: string[], version?: string): Promise<string> {
  const { code, stdout, stderr } = await sluice([...args, '--env', 'earlier'], { cwd, version })
  assert.equal(code, 0, stdout + stderr)
  return stdout
}

const json = async (args: string[], version?: string) => JSON.parse(await ok([...args, '--json'], version))

async function jsonLines(args: string[], version?: string) {
  const lines = (await ok([...args, '--json'], version)).split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line))
}

async function newestOf(name: string, version?: string): Promise<string | undefined> {
  return (await jsonLines(['runs'], version)).find((run) => run.name === name)?.run
}

const deploy = (version?: string) => ok(['deploy', '--architecture', 'x86_64', '--yes'], version)

interface Task {
  task: string
  status: string
  attempts: { outcome: string }[]
}

describe('a deployment of the earlier version that is updated while a run is open', () => {
  const of = unique('earlier')
  const version = earlierVersion()
  let execution = ''
  let open = ''
  let spent = 0
  /** What the command of this version said to the deployment of the earlier one. */
  let refused = { code: 0 as number | null, stdout: '', stderr: '' }

  /** Two bodies run, one task has yielded, and one has failed once. */
  const isUnderWay = (tasks: Task[]) =>
    tasks.filter(({ status }) => status === 'running').length === 2 &&
    tasks.some(({ task, attempts }) => task.startsWith('Flaky') && attempts.length > 0)

  before(async () => {
    await deploy(version)
    const broken = await endOf(await startInConsole('broken', { of: unique('broken') }, STACK))
    assert.equal(broken.status, 'FAILED')
    spent = (await jsonLines(['budgets'], version))[0].spent
    refused = await sluice(['runs', '--env', 'earlier'], { cwd })
    execution = await startInConsole('all', { of }, STACK)
    open = await until(60, 'the bodies that run', async () => {
      const id = await newestOf('all', version)
      if (id === undefined) return undefined
      return isUnderWay((await json(['status', id], version)).tasks) ? id : undefined
    })
    await deploy()
  })

  it('says before the update what to do, and shows nothing', () => {
    assert.equal(refused.code, 2, refused.stderr)
    assert.match(refused.stderr, /of another version.*sluice deploy --env/s)
    assert.equal(refused.stdout, '')
  })

  it('ends the run, each task once, with the right outputs', async () => {
    const { status, cause } = await whileTicking(endOf(execution, 120), STACK)
    assert.equal(status, 'SUCCEEDED', cause)
    const { tasks, counts } = await json(['status', open])
    assert.deepEqual(counts, { succeeded: 10 })
    const again = tasks.flatMap(({ task, attempts }: Task) =>
      attempts.map(({ outcome }) => `${task.replace(`of=${of}`, '')} ${outcome}`),
    )
    // AWS lets bodies end whose function is updated; the emulation ends them, and what ran counts as lost.
    assert.deepEqual(
      again.filter((each: string) => !each.endsWith(' lost')),
      ['Grow() yielded', 'Flaky() failed'],
    )
    const lost = again.filter((each: string) => each.endsWith(' lost'))
    for (const each of lost) assert.match(each, /^(Slow\(\)|Part\(,n=2\)) lost$/)
    assert.deepEqual(await targetOf(`earlier/${of}/all.json`, STACK), {
      slow: 2,
      grow: { checkpoint: 'half', parts: [0, 1, 2] },
      flaky: 7,
    })
  })

  it('reads what the earlier version has written', async () => {
    assert.match(await ok(['logs', open, 'First']), /the first speaks/)
    const [budget] = await jsonLines(['budgets'])
    assert.equal(budget.spent, spent + 4)
  })

  it('retries a run that failed before, and runs new ones', async () => {
    const run = (await newestOf('broken')) ?? ''
    const { stdout } = await sluice(['retry', run, '--env', 'earlier', '--json'], { cwd })
    assert.deepEqual(JSON.parse(stdout).counts, { complete: 1, failed: 1 })
    assert.deepEqual((await json(['run', 'First', '--of', unique('new')])).counts, { succeeded: 1 })
  })

  it('is removed once its open runs are cancelled; records, plans and targets stay', async () => {
    const [table, bucket, logGroup] = await Promise.all([
      resourceOf(STACK, 'SluiceRecordsTable', 'AWS::DynamoDB::Table'),
      resourceOf(STACK, 'SluiceRecordsBucket', 'AWS::S3::Bucket'),
      resourceOf(STACK, 'SluiceadvanceLogs', 'AWS::Logs::LogGroup'),
    ])
    // Its first attempt fails at once, and the next one is due a minute later.
    const { run } = await json(['run', 'Flaky', '--of', unique('removed'), '--detach'])
    const refused = await sluice(['destroy', '--env', 'earlier', '--yes'], { cwd })
    assert.equal(refused.code, 2, refused.stderr)
    assert.ok(refused.stderr.includes(run), refused.stderr)
    await ok(['destroy', '--yes', '--cancel', '--logs'])
    const { stderr } = await sluice(['runs', '--env', 'earlier'], { cwd })
    assert.match(stderr, /There is no stack sluice-earlier/)
    const rows = await clients.dynamodb.send(new ScanCommand({ TableName: table }))
    assert.ok(JSON.stringify(rows.Items).includes(run))
    const objects = await clients.s3.send(new ListObjectsV2Command({ Bucket: bucket }))
    const prefixes = new Set(objects.Contents?.map(({ Key }) => Key?.split('/')[0]))
    assert.deepEqual(prefixes, new Set(['plans', 'targets']))
    const { logGroups } = await new CloudWatchLogsClient({}).send(
      new DescribeLogGroupsCommand({ logGroupNamePrefix: logGroup }),
    )
    assert.deepEqual(logGroups, [])
  })
})
