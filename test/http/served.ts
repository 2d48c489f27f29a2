import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { serve } from '@hono/node-server'
import type { Control } from '../../src/control/control.ts'
import { type ApiOptions, createHttpApi } from '../../src/http/api.ts'

/** The token that every served API of these tests wants. */
export const TOKEN = 'a-token-of-this-test'

/** Serves a control on loopback as `sluice dev` does; returns the address. */
export async function serveControl(
  test: TestContext,
  control: Control,
  options: Partial<ApiOptions> = {},
): Promise<string> {
  const guards = { isLoopbackOnly: true, token: TOKEN } as const
  const app = createHttpApi(control, { guards, isStreaming: true, onDefect: () => {}, ...options })
  const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }) as Server
  await once(server, 'listening')
  test.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
