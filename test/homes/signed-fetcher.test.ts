import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import type { Deployment } from '../../src/homes/remote/deployment.ts'

it('credentials that were missing, or expire, are asked for anew', { timeout: 30_000 }, async (test) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-'))
  const server = createServer((request, response) => response.end(request.headers.authorization))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  test.after(() => {
    server.close()
    rmSync(folder, { recursive: true })
  })
  const keys = join(folder, 'keys.json')
  writeFileSync(join(folder, 'config'), `[default]\ncredential_process = cat ${keys}\n`)
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name]
  Object.assign(process.env, {
    AWS_CONFIG_FILE: join(folder, 'config'),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, 'none'),
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  })
  const { makeSignedFetcher } = await import('../../src/homes/remote/client.ts')
  const fetcher = makeSignedFetcher({ environment: { region: 'us-east-1' } } as Deployment)
  const ask = async () => {
    const answer = await fetcher(new URL('https://api.lambda-url.us-east-1.on.aws/v1'), {
      method: 'GET',
      headers: {},
    })
    return answer.text()
  }
  await assert.rejects(ask, /credentials/i)
  for (const AccessKeyId of ['FIRST', 'SECOND']) {
    const Expiration = new Date(Date.now() + 60_000).toISOString()
    writeFileSync(keys, JSON.stringify({ Version: 1, AccessKeyId, SecretAccessKey: 'secret', Expiration }))
    // Keys that expire within minutes are still used while the SDK asks for the next ones.
    while (!(await ask()).includes(`Credential=${AccessKeyId}/`));
  }
})
