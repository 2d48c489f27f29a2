import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { GetObjectCommand, PutObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3'
import {
  COMMAND_EVERY_MS,
  clients,
  sluice as command,
  type Ended,
  engine,
  projectFolder,
  resourceOf,
  unique,
  until,
  whileTicking,
} from './deployed.ts'

const STACK = 'sluice-luigi'
const CONFIG = ['--config', 'luigi.config.ts', '--env', 'luigi']
const TILL = 'a-till-that-nobody-sees'
const PYTHON = 'localhost/sluice-test-python:3'
const site = join(projectFolder, '../../../.cache/luigi-on-aws')

const sluice = (args: string[], options?: Parameters<typeof command>[1]): Promise<Ended> =>
  command([...args, ...CONFIG], options)

// biome-ignore lint/suspicious/noExplicitAny: data of the command, whatever it is
async function json(...args: string[]): Promise<any> {
  const { stdout, stderr } = await sluice([...args, '--json'])
  const last = stdout.trim().split('\n').at(-1)
  if (!last) throw new Error(`no data: ${stderr}`)
  return JSON.parse(last)
}

const run = (...args: string[]) => whileTicking(json('run', ...args), STACK)

/** A run as it has ended. */
const untilOver = (id: string) =>
  until(
    300,
    'the end of the run',
    async () => {
      const now = await json('status', id)
      return now.endedAt === null ? undefined : now
    },
    COMMAND_EVERY_MS,
  )

/** The folder from which the deployment builds the image: the tasks, and the packages for the Python of the image. */
function prepareImage(): void {
  const made = join(projectFolder, 'images/luigi')
  mkdirSync(site, { recursive: true })
  for (const name of ['Dockerfile', 'shop.py']) cpSync(join(made, name), join(site, name))
  if (existsSync(join(site, 'packages/luigi'))) return
  const version = execFileSync(engine, [
    'run',
    '--rm',
    PYTHON,
    'python3',
    '-c',
    'import sys; print("%d.%d" % sys.version_info[:2])',
  ])
  const args = [
    'install',
    '--quiet',
    '--target',
    join(site, 'packages'),
    '--only-binary=:all:',
    '--python-version',
    `${version}`.trim(),
  ]
  execFileSync('python3', ['-m', 'pip', ...args, 'luigi==3.8.1', 'boto3'], { stdio: 'inherit' })
}

let bucket = ''

/** A place in S3 of one test. */
const makeBase = () => `s3://${bucket}/targets/${unique('shop')}`
const keyOf = (base: string, name: string) => `${base.slice(`s3://${bucket}/`.length)}/${name}`

async function write(base: string, name: string, text: string): Promise<void> {
  await clients.s3.send(new PutObjectCommand({ Bucket: bucket, Key: keyOf(base, name), Body: text }))
}

async function read(base: string, name: string): Promise<string> {
  const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket: bucket, Key: keyOf(base, name) }))
  return (await Body?.transformToString()) ?? ''
}

/** How often each body has run, by its name. */
async function countRuns(base: string): Promise<{ [name: string]: number }> {
  const counts: { [name: string]: number } = {}
  const Prefix = keyOf(base, 'ran/')
  for await (const { Contents = [] } of paginateListObjectsV2(
    { client: clients.s3 },
    { Bucket: bucket, Prefix },
  ))
    for (const { Key = '' } of Contents) {
      const [name = ''] = Key.slice(Prefix.length).split('/')
      counts[name] = (counts[name] ?? 0) + 1
    }
  return counts
}

/** Kills the container of a task of a run, as a machine that breaks does. */
function killProgram(run: string, task: RegExp): void {
  const inspect = ['inspect', '--format', '{{.ID}} {{json .Config.Env}}']
  const ids = execFileSync(engine, ['ps', '--quiet'], { encoding: 'utf8' }).split('\n').filter(Boolean)
  const shown = execFileSync(engine, [...inspect, ...ids], { encoding: 'utf8' })
    .trim()
    .split('\n')
  const found = shown.filter((line) => {
    const env = JSON.parse(line.slice(line.indexOf(' ') + 1)) as string[]
    return env.includes(`SLUICE_RUN=${run}`) && env.some((each) => task.test(each))
  })
  assert.equal(found.length, 1, `the container of ${task}`)
  execFileSync(engine, ['kill', '--signal', 'KILL', found[0]?.split(' ')[0] ?? ''])
}

before(async () => {
  prepareImage()
  const deployed = await sluice(['deploy', '--architecture', 'x86_64', '--yes'])
  assert.equal(deployed.code, 0, deployed.stderr)
  const set = await sluice(['secrets', 'set', 'shop/till'], { input: `${TILL}\n` })
  assert.equal(set.code, 0, set.stderr)
  bucket = await resourceOf(STACK, 'SluiceRecordsBucket', 'AWS::S3::Bucket')
})

/** 13 tasks each. More take minutes, so that is run by hand: AWS_TEST_LUIGI_DAYS=8 npm run test:aws -- test/aws/luigi.e2e.ts */
const DAYS = Number(process.env.AWS_TEST_LUIGI_DAYS ?? 1)
const range = (size: number) => Array.from({ length: size }, (_, number) => number)

/** Bodies that run once; the third order of all fails at first, and is tried again inside the run. */
const expectedRuns = Object.fromEntries([
  ...range(10 * DAYS).map((number) => [`order-${number}`, number === 3 ? 2 : 1]),
  ...range(DAYS).flatMap((day) =>
    [`day-${day}`, `receipt-${day}-2`, `receipt-${day}-5`].map((name) => [name, 1]),
  ),
])

describe('a pipeline of Luigi on AWS', { concurrency: false, timeout: 1_400_000 }, () => {
  it('is planned in its image; each task runs once and in order, and a failure takes only its dependents along', async () => {
    const base = makeBase()
    await write(base, 'prices.txt', '2 5')
    const began = Date.now()
    const told = await run('month', '--base', base, '--days', `${DAYS}`, '--broken')
    const { tasks } = await json('status', told.run)
    console.log(`${tasks.length} tasks in ${Math.round((Date.now() - began) / 1000)} s`)
    assert.equal(told.status, 'failed', JSON.stringify(told))
    assert.deepEqual(
      told.failed.map(({ task, message }: { task: string; message: string }) => [
        task.split('(')[0],
        message,
      ]),
      [['Broken', 'RuntimeError: nobody repairs it']],
    )
    const lost = tasks.filter(({ status }: { status: string }) => status === 'upstream_failed')
    assert.deepEqual(lost.map(({ task }: { task: string }) => task.split('(')[0]).sort(), [
      'AfterBroken',
      'Month',
      'plan of Month',
    ])
    assert.deepEqual(await countRuns(base), { ...expectedRuns, broken: 1 })
    // Its content is what the orders before it have written, and the receipts that it has asked for.
    for (const day of range(DAYS)) assert.equal(await read(base, `days/${day}.txt`), `${day * 100 + 45} 2\n`)
    // What is complete stays so in the next run.
    await write(base, 'broken.txt', 'repaired by hand')
    await write(base, 'after-broken.txt', 'as well')
    const again = await whileTicking(json('retry', told.run), STACK)
    assert.equal(again.status, 'succeeded', JSON.stringify(again))
    assert.deepEqual(await countRuns(base), { ...expectedRuns, broken: 1 })
  })

  it('waits for what is made elsewhere', async () => {
    const base = makeBase()
    const told = await json('run', 'month', '--base', base, '--detach')
    const statusOf = async (family: string) => {
      const { tasks } = await json('status', told.run)
      return tasks.find(({ task }: { task: string }) => task.startsWith(family))?.status
    }
    await whileTicking(
      until(
        240,
        'the look for the prices',
        async () => (await statusOf('Prices')) === 'running' || undefined,
        COMMAND_EVERY_MS,
      ),
      STACK,
    )
    assert.equal(await statusOf('Day'), 'pending')
    await write(base, 'prices.txt', '2')
    const ended = await whileTicking(untilOver(told.run), STACK)
    assert.equal(ended.status, 'succeeded', JSON.stringify(ended))
  })

  it('goes on when the container of its planning was killed, and that of a task; each task is made once', async () => {
    const base = makeBase()
    const { run } = await json('run', 'held', '--base', base, '--detach')
    const whenHeld = (name: string, times: number) =>
      until(
        240,
        `${name}, held ${times} times`,
        async () => (await countRuns(base))[`${name}-held`] === times || undefined,
      )
    const killAndGoOn = async (name: string, task: RegExp) => {
      await whenHeld(name, 1)
      killProgram(run, task)
      await whenHeld(name, 2)
      await write(base, `go-on/${name}`, '')
    }
    const killed = async () => {
      await killAndGoOn('plan', /^SLUICE_TASK=plan of HeldMonth/)
      await killAndGoOn('order-4', /^SLUICE_TASK=HeldOrder.*number=4\)$/)
      return untilOver(run)
    }
    const ended = await whileTicking(killed(), STACK)
    assert.equal(ended.status, 'succeeded', JSON.stringify(ended))
    // A machine that is slow interrupts attempts as well; only what was killed is lost, and neither uses up an attempt.
    const lost = ended.tasks.filter(({ counts }: { counts: { lost?: number } }) => counts.lost !== undefined)
    assert.deepEqual(
      lost
        .map(({ task, counts }: { task: string; counts: { lost: number } }) => [
          task.replace(/\(base=.*number=/, '(number=').replace(/\(base=.*/, ''),
          counts.lost,
        ])
        .sort(),
      [
        ['HeldOrder(number=4)', 1],
        ['plan of HeldMonth', 1],
      ],
    )
    assert.deepEqual(await countRuns(base), {
      ...Object.fromEntries(range(8).map((number) => [`order-${number}`, 1])),
      'order-4-held': 2,
      'plan-held': 2,
    })
    assert.equal(await read(base, 'orders/4.txt'), '4\n')
  })

  it('is planned by one listing of a place in S3, with the answers that Luigi itself gives', () => {
    const checkout = join(projectFolder, '../../..')
    const args = ['test/luigi-tasks/s3_listings.py', 'python/sluice_luigi.py'].map((path) =>
      join(checkout, path),
    )
    // The Python from which the image was made, with the packages that are in it.
    const env = { ...process.env, PYTHONPATH: join(site, 'packages') }
    const told = execFileSync('/usr/bin/python3', [...args, makeBase()], { env, encoding: 'utf8' })
    assert.deepEqual(JSON.parse(told), {
      operations: { ListObjectsV2: 1 },
      there: [3, 5, 7],
      singly: [3, 5, 7],
    })
  })

  it('fails in one attempt, with what has to be corrected', async () => {
    const told = await run('lost')
    assert.equal(told.status, 'failed')
    assert.match(told.failed[0].message, /^The module nowhere does not import: ModuleNotFoundError/)
    const { tasks } = await json('status', told.run)
    assert.deepEqual([tasks.length, tasks[0].attempt], [1, 1])
  })
})
