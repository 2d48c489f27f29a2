import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import type { Hono } from 'hono'
import { SluiceError } from '../core/errors.ts'

/** Where a server listens. */
export interface ListenOptions {
  host: string
  /** 0 takes a free one. */
  port: number
  /** How long a connection may be idle before the server ends it. @default Node's: 5 s */
  keepAliveMs?: number
}

/** A server that listens. */
export interface Listening {
  port: number
  close(): void
}

/** Serves an app until it is closed. Throws `invalid_usage` if the address cannot be had. */
export function listenOn(app: Hono, { host, port, keepAliveMs }: ListenOptions): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname: host, port }, (info) =>
      resolve({ port: info.port, close: () => closeServer(server as Server) }),
    )
    if (keepAliveMs !== undefined) (server as Server).keepAliveTimeout = keepAliveMs
    server.on('error', (error: NodeJS.ErrnoException) => reject(explainListenError(error, host, port)))
  })
}

function explainListenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code === 'EADDRINUSE')
    return new SluiceError('invalid_usage', `The port ${port} is in use.`, {
      hint: 'Another sluice may be running; name another port with --port, or 0 for a free one.',
    })
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND')
    return new SluiceError('invalid_usage', `This machine has no address ${host}.`, {
      hint: 'Name one of its own with --host, or 0.0.0.0 for all.',
    })
  if (error.code === 'EACCES')
    return new SluiceError('invalid_usage', `The port ${port} needs rights that this user does not have.`, {
      hint: 'Name a port from 1024 on with --port.',
    })
  return error
}

/** Streams and idle connections would keep the process. */
function closeServer(server: Server): void {
  server.close()
  server.closeAllConnections()
}
