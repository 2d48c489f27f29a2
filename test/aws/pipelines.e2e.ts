import assert from 'node:assert/strict'
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { GetTemplateCommand } from '@aws-sdk/client-cloudformation'
import {
  CloudWatchLogsClient,
  DescribeLogGroupsCommand,
  paginateFilterLogEvents,
} from '@aws-sdk/client-cloudwatch-logs'
import { paginateScan } from '@aws-sdk/client-dynamodb'
import {
  CreateBucketCommand,
  GetObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3'
import { readProject } from '../../infra/project.ts'
import { type SampleServer, startSampleServer } from '../../tasks/arxlive/sample/server.ts'
import { clients, engine, json, projectFolder, resourceOf, sluice, until } from './deployed.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const log = join(root, '../shared/data/weblogs/access.log')
const LOGS = 'sluice-test-logs'

/** Every object below a prefix of the deployment's bucket, by key. */
async function objects(prefix: string): Promise<Map<string, Buffer>> {
  const Bucket = await resourceOf('sluice-test', 'SluiceRecordsBucket', 'AWS::S3::Bucket')
  const found = new Map<string, Buffer>()
  for await (const page of paginateListObjectsV2({ client: clients.s3 }, { Bucket, Prefix: prefix }))
    for (const { Key = '' } of page.Contents ?? []) {
      const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket, Key }))
      found.set(Key, Buffer.from((await Body?.transformToByteArray()) ?? []))
    }
  return found
}

describe('search-daily over an access log in S3', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-aws-'))
  after(() => rmSync(folder, { recursive: true }))

  it('makes the same of it as on one machine, byte for byte', async () => {
    await clients.s3.send(new CreateBucketCommand({ Bucket: LOGS }))
    await clients.s3.send(new PutObjectCommand({ Bucket: LOGS, Key: 'access.log', Body: readFileSync(log) }))
    const range = ['--from', '2015-05-17', '--to', '2015-05-20']
    const [deployed, local] = await Promise.all([
      sluice(['backfill', 'search-daily', ...range, '--source', `s3://${LOGS}/access.log`, '--env', 'test']),
      sluice(
        [
          'backfill',
          'search-daily',
          ...range,
          '--source',
          log,
          '--inline',
          '--state',
          '.sluice',
          '--data',
          'data',
          '--config',
          join(root, 'sluice.config.ts'),
        ],
        { cwd: folder },
      ),
    ])
    assert.equal(deployed.code, 0, deployed.stdout + deployed.stderr)
    assert.match(deployed.stdout, /Backfill of search-daily: 4 succeeded/)
    assert.equal(local.code, 0, local.stdout + local.stderr)
    const there = await objects('targets/search/')
    const files = globSync('data/search/{quarter,hour,day}/**/*.{json,gz}', { cwd: folder }).sort()
    assert.ok(files.length > 800, `${files.length} files`)
    for (const file of files)
      assert.deepEqual(there.get(file.replace(/^data/, 'targets')), readFileSync(join(folder, file)), file)
    const again = await sluice([
      'backfill',
      'search-daily',
      ...range,
      '--source',
      `s3://${LOGS}/access.log`,
      '--env',
      'test',
    ])
    assert.match(again.stdout, /4 complete/)
  })
})

describe('arxlive with its key in Secrets Manager', () => {
  let server: SampleServer
  before(async () => {
    server = await startSampleServer()
  })
  after(() => server.close())
  const days = ['--date', '2024-03-04', '--until', '2024-03-05']

  it('asks for the key by name until it is set, then runs', async () => {
    const args = ['run', 'arxlive', ...days, '--source', server.oai, '--graph', server.graph]
    const set = await sluice(['secrets', 'set', 'mag/api-key', '--env', 'test'], { input: `${server.key}\n` })
    assert.equal(set.code, 0, set.stderr)
    const run = await json(...args)
    assert.equal(run.status, 'succeeded', JSON.stringify(run.failed))
    const report = (await objects('targets/arxiv-sample/')).get(
      'targets/arxiv-sample/2024-03-04--2024-03-05/report.json',
    )
    assert.ok(JSON.parse(report?.toString() ?? '').articles > 5)
    assert.ok((server.requests['/graph/match'] ?? 0) > 0)
  })

  it('has the key in no record, plan, target, log, template or image', async () => {
    const key = Buffer.from(server.key)
    const looked: Record<string, number> = {}
    for await (const [kind, name, bytes] of everything()) {
      looked[kind] = (looked[kind] ?? 0) + bytes.length
      assert.ok(!bytes.includes(key), `the key is in ${kind} ${name}`)
    }
    // Looking at nothing would find nothing.
    const kinds = { record: 10_000, object: 100_000, template: 10_000, log: 1_000, image: 1e7 }
    for (const [kind, least] of Object.entries(kinds))
      assert.ok((looked[kind] ?? 0) > least, `${kind}: ${looked[kind]}`)
  })

  it('runs whole in one container of the image, with the embedded engine', async () => {
    const outdir = mkdtempSync(join(tmpdir(), 'sluice-image-'))
    const config = join(projectFolder, 'containers.config.ts')
    const { pools } = await readProject({ config, environment: 'test', outdir })
    const image = 'localhost/sluice-test-whole'
    const base = ['--build-arg', `BASE_IMAGE=${process.env.AWS_TEST_IMAGE}`]
    execFileSync(engine, ['build', '-q', ...base, '-t', image, pools.default?.folder ?? ''])
    const env = ['--env', `SLUICE_SECRET_MAG_API_KEY=${server.key}`]
    const args = ['run', 'arxlive', ...days, '--source', server.oai, '--graph', server.graph]
    const ran = await new Promise<string>((resolve) =>
      execFile(engine, ['run', '--rm', '--network', 'host', ...env, image, ...args], (error, out, err) =>
        resolve(`${out}${err}${error ?? ''}`),
      ),
    )
    assert.match(ran, /arxlive-[0-9a-f]+-1 succeeded/)
  })
})

/** All that a deployment keeps: what it is, its name, its bytes. */
async function* everything(): AsyncGenerator<[kind: string, name: string, bytes: Buffer]> {
  const TableName = await resourceOf('sluice-test', 'SluiceRecordsTable', 'AWS::DynamoDB::Table')
  for await (const page of paginateScan({ client: clients.dynamodb }, { TableName }))
    for (const item of page.Items ?? []) yield ['record', item.pk?.S ?? '', Buffer.from(JSON.stringify(item))]
  for (const [name, bytes] of await objects('')) yield ['object', name, bytes]
  const template = new GetTemplateCommand({ StackName: 'sluice-test' })
  const { TemplateBody = '' } = await clients.cloudformation.send(template)
  yield ['template', 'sluice-test', Buffer.from(TemplateBody)]
  const client = new CloudWatchLogsClient({})
  const { logGroups = [] } = await client.send(new DescribeLogGroupsCommand({}))
  for (const { logGroupName = '' } of logGroups)
    for await (const page of paginateFilterLogEvents({ client }, { logGroupName }))
      yield ['log', logGroupName, Buffer.from((page.events ?? []).map(({ message }) => message).join('\n'))]
  const saved = spawnSync(engine, ['save', imageOf('heavy')], { maxBuffer: 4 * 1024 ** 3 })
  yield ['image', 'heavy', saved.stdout]
}

/** The image of a pool, as it was built here. */
function imageOf(pool: string): string {
  const listed = execFileSync(engine, [
    'images',
    '--format',
    '{{.ID}} {{.Repository}}',
    '--filter',
    `label=sluice.pool=${pool}`,
  ])
  const id = listed.toString().split(/\s/)[0]
  assert.ok(id, `no image of ${pool}`)
  return id
}

describe('schedules', () => {
  it('fire, and start the interval that has ended', async () => {
    const run = await until(150, 'a run of every-minute', async () => {
      const runs = [await json('runs', '--limit', '50')].flat()
      return runs.find(({ name, status }) => name === 'every-minute' && status === 'succeeded')
    })
    assert.equal(run.interval.end - run.interval.start, 60_000)
  })

  it('are paused and resumed by the command', async () => {
    assert.equal((await json('pause', 'every-minute')).paused, true)
    const listed = [await json('pipelines')].flat()
    const { schedule } = listed.find(({ name }: { name: string }) => name === 'every-minute')
    assert.equal(schedule.paused, true)
  })
})
