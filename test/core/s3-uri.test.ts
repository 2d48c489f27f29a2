import assert from 'node:assert/strict'
import { it } from 'node:test'
import { isS3Uri, isValidS3Uri, parseS3Prefix, parseS3Uri } from '../../src/core/s3-uri.ts'

it('an S3 URI has a bucket, and a key or a prefix', () => {
  assert.deepEqual(parseS3Uri('s3://data/a/b.json'), { bucket: 'data', key: 'a/b.json' })
  assert.deepEqual(parseS3Uri('s3://data'), { bucket: 'data', key: '' })
  assert.deepEqual(parseS3Prefix('s3://data/a b/ü//'), { bucket: 'data', prefix: 'a b/ü/' })
  assert.deepEqual(parseS3Prefix('s3://data/'), { bucket: 'data', prefix: '' })
  for (const text of ['/data/a', 's3:/data', 's3:///a'])
    assert.throws(() => parseS3Uri(text), /is not of the form/)
})

it('a config may only name buckets that AWS allows', () => {
  for (const uri of ['s3://data', 's3://my.data-1/a/b']) assert.ok(isValidS3Uri(uri), uri)
  for (const uri of ['s3://Data/a', 's3://ab', 's3://-data', 'data', `s3://${'a'.repeat(64)}`])
    assert.ok(!isValidS3Uri(uri), uri)
  assert.ok(isS3Uri('s3://Data'))
})
