import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { parseS3Uri } from '../src/core/s3-uri.ts'
import type { Build } from '../src/homes/aws/build.ts'

/** The code that the container is to run: where it is, and its version. */
interface Bundle {
  uri: string
  version: string
}

/**
 * The URL of the module to run instead of this one, if the deployment has newer code than the image: code is
 * replaced without building an image.
 */
export async function findNewerCode(
  told: string | undefined,
  { client }: Build,
): Promise<string | undefined> {
  if (told === undefined) return undefined
  const { uri, version }: Bundle = JSON.parse(told)
  const here = dirname(fileURLToPath(import.meta.url))
  const own = await readFile(join(here, 'version'), 'utf8').catch(() => '')
  if (own === version) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'sluice-code-'))
  const archive = join(folder, 'code.tgz')
  const { bucket: Bucket, key: Key } = parseS3Uri(uri)
  const { Body } = await new S3Client(client).send(new GetObjectCommand({ Bucket, Key }))
  await writeFile(archive, (await Body?.transformToByteArray()) ?? '')
  const unpacked = spawnSync('tar', ['-xzf', archive, '-C', folder])
  if (unpacked.status !== 0) throw new Error(`the code ${uri} cannot be unpacked: ${unpacked.stderr}`)
  // Packages that are not part of a bundle stay those of the image.
  await symlink(join(here, 'node_modules'), join(folder, 'node_modules'))
  return pathToFileURL(join(folder, 'main.mjs')).href
}
