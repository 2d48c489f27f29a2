import { S3Client } from '@aws-sdk/client-s3'
import type { Storage } from '../../core/ports/working.ts'
import { parseS3Prefix } from '../../core/s3-uri.ts'
import { makeS3Storage } from './storage.ts'

/** The storage at `s3://bucket/prefix`, with the credentials of the process. */
export const openS3Storage = (uri: string): Storage =>
  makeS3Storage(new S3Client({ followRegionRedirects: true }), parseS3Prefix(uri))
