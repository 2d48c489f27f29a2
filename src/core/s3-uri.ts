/** `s3://bucket/key` in its parts; the key is empty for a whole bucket. */
export interface S3Uri {
  bucket: string
  key: string
}

const SCHEME = 's3://'
/** Rules for names of buckets: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/

/** Whether a text names an object or a prefix of S3. */
export const isS3Uri = (text: string): boolean => text.startsWith(SCHEME)

/** The parts of `s3://bucket/key`. Throws for any other text. The bucket may be a name that CloudFormation fills in. */
export function parseS3Uri(uri: string): S3Uri {
  const [, bucket, key = ''] = /^s3:\/\/([^/]+)(?:\/+(.*))?$/.exec(uri) ?? []
  if (bucket === undefined) throw new Error(`${uri} is not of the form s3://bucket/key`)
  return { bucket, key }
}

/** Bucket and prefix of `s3://bucket/prefix`; the prefix is empty or ends with a slash. */
export function parseS3Prefix(uri: string): { bucket: string; prefix: string } {
  const { bucket, key } = parseS3Uri(uri)
  const path = key.replace(/\/+$/, '')
  return { bucket, prefix: path === '' ? '' : `${path}/` }
}

/** Whether a text is an S3 URI with a bucket's name that AWS allows. */
export const isValidS3Uri = (text: string): boolean => isS3Uri(text) && BUCKET.test(bucketIn(text))

const bucketIn = (uri: string) => uri.slice(SCHEME.length).split('/', 1)[0] ?? ''
