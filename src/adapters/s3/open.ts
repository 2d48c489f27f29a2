import { S3Client } from '@aws-sdk/client-s3'
import type { Storage } from '../../core/ports.ts'
import { placeOf, s3Storage } from './storage.ts'

/** The storage at `s3://bucket/prefix`, with the credentials of the process. */
export const openS3 = (uri: string): Storage =>
  s3Storage(new S3Client({ followRegionRedirects: true }), placeOf(uri))
