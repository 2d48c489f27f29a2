import { type FileStorageOptions, fileStorage } from '../adapters/files/file-storage.ts'
import type { Storage } from '../core/ports.ts'

/** Whether targets are in S3. */
export const isS3 = (where: string) => where.startsWith('s3://')

/** The storage of a folder or of `s3://bucket/prefix`; the AWS client is loaded only where it is needed. */
export async function openStorage(where: string, options: FileStorageOptions = {}): Promise<Storage> {
  if (!isS3(where)) return fileStorage(where, options)
  const [{ S3Client }, { placeOf, s3Storage }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('../adapters/s3/storage.ts'),
  ])
  return s3Storage(new S3Client({}), placeOf(where))
}
