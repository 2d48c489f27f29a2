import { createHash } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { engine } from './containers.ts'
import { temporaryFolder } from './folders.ts'

/** A registry of images on this machine: the part of the OCI distribution API that a pull takes. */
export interface TestRegistry {
  /** Host and port, as a reference begins. */
  host: string
  /** Settings with which Podman speaks to it without TLS. */
  env: { CONTAINERS_REGISTRIES_CONF: string }
  /** Puts an image of the engine under `name:1`. */
  put(image: string, name: string): void
  /** How often a manifest was asked for. */
  asked(): number
}

const TYPES: { [kind: string]: string } = {
  manifests: 'application/vnd.oci.image.manifest.v1+json',
  blobs: 'application/octet-stream',
}

/** Starts a registry for a test. */
export async function startRegistry(test: TestContext): Promise<TestRegistry> {
  const folder = temporaryFolder(test)
  const tags = new Map<string, string>()
  let asked = 0
  const blobPath = (digest: string) => join(folder, 'blobs', digest.replace(':', '/'))
  const server = createServer(({ url = '', method }, response) => {
    const [, name = '', kind = '', reference = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(url) ?? []
    if (kind === 'manifests') asked++
    const digest = tags.get(`${name}:${reference}`) ?? reference
    const isThere = digest.startsWith('sha256:') && existsSync(blobPath(digest))
    response.writeHead(isThere || url === '/v2/' ? 200 : 404, {
      'content-type': TYPES[kind] ?? 'application/json',
      'docker-content-digest': digest,
    })
    if (isThere && method === 'GET') createReadStream(blobPath(digest)).pipe(response)
    else response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  test.after(() => server.close())
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const settings = join(folder, 'registries.conf')
  writeFileSync(
    settings,
    `unqualified-search-registries = []\n[[registry]]\nlocation = "${host}"\ninsecure = true\n`,
  )
  return {
    host,
    env: { CONTAINERS_REGISTRIES_CONF: settings },
    asked: () => asked,
    put(image, name) {
      const layout = join(folder, createHash('sha256').update(image).digest('hex'))
      engine('save', '--quiet', '--format', 'oci-dir', '--output', layout, image)
      const [manifest] = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')).manifests
      mkdirSync(join(folder, 'blobs', 'sha256'), { recursive: true })
      const { layers, config } = JSON.parse(
        readFileSync(join(layout, 'blobs', manifest.digest.replace(':', '/')), 'utf8'),
      )
      for (const { digest } of [manifest, config, ...layers])
        writeFileSync(blobPath(digest), readFileSync(join(layout, 'blobs', digest.replace(':', '/'))))
      tags.set(`${name}:1`, manifest.digest)
    },
  }
}
