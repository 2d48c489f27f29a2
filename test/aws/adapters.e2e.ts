import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { CreateBucketCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3'
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { CreateQueueCommand } from '@aws-sdk/client-sqs'
import { makeS3Plans } from '../../src/adapters/s3/plans.ts'
import { makeS3Storage } from '../../src/adapters/s3/storage.ts'
import { makeManagedSecrets } from '../../src/adapters/secrets-manager/secrets.ts'
import { makeSqsQueue } from '../../src/adapters/sqs/queue.ts'
import { plansSuite } from '../conformance/plans.suite.ts'
import { testClock } from '../support/test-clock.ts'
import { clients, projectFolder } from './deployed.ts'

const { s3, sqs } = clients

async function freshBucket(): Promise<string> {
  const Bucket = `sluice-${randomUUID()}`
  await s3.send(new CreateBucketCommand({ Bucket }))
  return Bucket
}

plansSuite('s3', async () => {
  const bucket = await freshBucket()
  const plans = makeS3Plans(s3, bucket, 'plans/')
  return { clock: testClock(), plans, other: { plans: makeS3Plans(s3, bucket, 'plans/') } }
})

describe('targets in S3', () => {
  const storageOf = async () => {
    const bucket = await freshBucket()
    return { bucket, storage: makeS3Storage(s3, { bucket, prefix: 'targets/' }) }
  }
  const small = (content: string) => Buffer.from(content)

  it('are absent until they are published, then whole', async () => {
    const { storage } = await storageOf()
    const staged = await storage.stage('a/b.txt', 'w', small('hello'))
    assert.deepEqual(await storage.existMany(['a/b.txt']), [false])
    assert.equal(await readText(staged.read()), 'hello')
    await staged.publish('create')
    assert.deepEqual(await storage.existMany(['a/b.txt', 'a/c.txt']), [true, false])
    assert.equal(await readText(storage.read('a/b.txt')), 'hello')
    await assert.rejects(readText(storage.read('a/c.txt')), /targets\/a\/c\.txt is not there/)
  })

  it('keep what is there where they are created, and not where they are replaced', async () => {
    const { storage } = await storageOf()
    await (await storage.stage('x', 'one', small('first'))).publish('create')
    await (await storage.stage('x', 'two', small('second'))).publish('create')
    assert.equal(await readText(storage.read('x')), 'first')
    await (await storage.stage('x', 'two', small('second'))).publish('replace')
    assert.equal(await readText(storage.read('x')), 'second')
  })

  it('are streamed in parts where they are large, out of sight until they are published', async () => {
    const { bucket, storage } = await storageOf()
    const chunk = Buffer.alloc(1024 * 1024, 'a')
    async function* chunks() {
      for (let n = 0; n < 20; n++) yield chunk
    }
    const staged = await storage.stage('large/one.bin', 'w', chunks())
    assert.deepEqual(await storage.list('large'), [])
    assert.deepEqual(await storage.existMany(['large/one.bin']), [false])
    await staged.publish('create')
    let bytes = 0
    for await (const part of storage.read('large/one.bin')) bytes += (part as Buffer).length
    assert.equal(bytes, 20 * chunk.length)
    await storage.stage('large/two.bin', 'dead', chunks())
    await storage.removeStaged('large/two.bin')
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket }))
    assert.deepEqual(
      Contents.map(({ Key }) => Key),
      ['targets/large/one.bin'],
    )
  })

  it('are looked for in bulk: no call for each where a listing serves', async () => {
    const { bucket, storage } = await storageOf()
    const names = Array.from({ length: 1_500 }, (_, n) => `day/${String(n).padStart(5, '0')}.json`)
    const there = names.filter((_, n) => n % 3 === 0)
    for (let start = 0; start < there.length; start += 50)
      await Promise.all(
        there
          .slice(start, start + 50)
          .map((name) =>
            s3.send(new PutObjectCommand({ Bucket: bucket, Key: `targets/${name}`, Body: 'x' })),
          ),
      )
    let calls = 0
    const counted = Object.create(s3, {
      send: {
        value(command: never) {
          calls++
          return s3.send(command)
        },
      },
    }) as typeof s3
    const answers = await makeS3Storage(counted, { bucket, prefix: 'targets/' }).existMany(names)
    assert.deepEqual(
      answers,
      names.map((_, n) => n % 3 === 0),
    )
    assert.ok(calls <= 3, `${calls} calls`)
    // Far apart among many others they are looked up: a page would not show a second one.
    const few = ['day/00000.json', 'day/00750.json', 'day/00751.json', 'none/1', 'none/2']
    assert.deepEqual(await storage.existMany(few), [true, true, false, false, false])
  })
})

describe('secrets', () => {
  it('are kept for minutes, and told apart from those that were never set', async () => {
    const client = new SecretsManagerClient({})
    const prefix = `${randomUUID()}/`
    await client.send(new CreateSecretCommand({ Name: `${prefix}a/key` }))
    const secrets = makeManagedSecrets(client, prefix, 'prod')
    assert.equal(await secrets.get('a/key'), undefined)
    assert.equal(await secrets.get('b/key'), undefined)
    assert.equal(await secrets.isSet('b/key'), false)
    await secrets.set('a/key', 'one')
    assert.equal(await secrets.isSet('a/key'), true)
    assert.equal(await secrets.get('a/key'), 'one')
    await makeManagedSecrets(client, prefix, 'prod').set('a/key', 'two')
    assert.equal(await secrets.get('a/key'), 'one')
    await assert.rejects(secrets.set('b/key', 'x'), /No task of this deployment uses a secret b\/key/)
  })
})

describe('fair queues', () => {
  it('take messages with a group each pipeline, put them back and forget them', async () => {
    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: randomUUID() }))
    const queue = makeSqsQueue(sqs, { urls: { default: QueueUrl } })
    const message = { run: 'p-0123456789abcdef-1', number: 3, attempt: 1 }
    await queue.send([{ message, delayMs: 0, pool: 'default', priority: 0 }])
    const take = () => queue.take({ pools: { default: 10 }, limit: 10, visibilityMs: 30_000 })
    const [taken] = await take()
    assert.deepEqual(taken?.message, message)
    if (taken !== undefined) await queue.putBack(taken, 0)
    const [again] = await take()
    assert.deepEqual(again?.message, message)
    if (again !== undefined) await queue.acknowledge([again])
    assert.deepEqual(await take(), [])
  })
})

describe('templates', () => {
  it('pass cfn-lint', () => {
    const templates = globSync('.sluice/cdk.out/*.template.json', { cwd: projectFolder })
    assert.ok(templates.length > 0)
    const lint = join(process.env.AWS_TEST_VENV ?? '', 'bin/cfn-lint')
    // The CDK writes what depends on a region, and W3005 (a dependency told twice) is how it does.
    const ignored = ['W3005']
    for (const template of templates)
      execFileSync(lint, ['--ignore-checks', ...ignored, '--', join(projectFolder, template)], {
        stdio: 'pipe',
      })
  })
})
