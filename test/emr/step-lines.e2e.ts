import assert from 'node:assert/strict'
import { it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { makeStepLogReader } from '../../src/adapters/emr/steps/step-lines.ts'
import { startMoto } from './moto.ts'

it('lines of steps are read from the S3 of moto, page by page', async (test) => {
  const client = new S3Client({
    endpoint: await startMoto(test),
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    forcePathStyle: true,
  })
  await client.send(new CreateBucketCommand({ Bucket: 'logs' }))
  const put = (name: string, text: string) =>
    client.send(
      new PutObjectCommand({ Bucket: 'logs', Key: `emr/j-1/steps/s-1/${name}`, Body: gzipSync(text) }),
    )
  await put('stdout.gz', 'line\n'.repeat(10_001))
  await put('stderr.gz', '26/01/02 10:00:00 ERROR Client: no\n')
  const read = makeStepLogReader(client)
  const log = { folder: 's3://logs/emr', handle: 'j-1/s-1' }
  const first = await read(log, { from: 0 })
  const second = await read(log, { from: 0, after: first.next })
  assert.deepEqual([first.lines.length, first.found, second.next], [10_000, 2, undefined])
  assert.deepEqual(
    second.lines.map(({ line, level }) => [line, level]),
    [
      [10_001, 'info'],
      [1, 'error'],
    ],
  )
  const later = await read(log, { from: Date.now() + 60_000 })
  assert.deepEqual([later.lines, later.found], [[], 2])
})
