import { type FileStorageOptions, makeFileStorage } from '../adapters/files/file-storage.ts'
import type { Storage } from '../core/ports/working.ts'
import { isS3Uri } from '../core/s3-uri.ts'

/** The storage of a folder or of `s3://bucket/prefix`; the AWS client is loaded only if it is needed. */
export async function openStorage(where: string, options: FileStorageOptions = {}): Promise<Storage> {
  if (!isS3Uri(where)) return makeFileStorage(where, options)
  const { openS3Storage } = await import('../adapters/s3/open.ts')
  return openS3Storage(where)
}
