import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/** An endpoint before the emulated AWS that refuses credentials which have expired, as AWS does. */
export interface Gateway {
  url: string
  /** From now on requests with this session token are refused. */
  expire(sessionToken: string): void
}

/** Serves a gateway until the test has ended. */
export async function openGateway(test: TestContext): Promise<Gateway> {
  const upstream = new URL(process.env.AWS_ENDPOINT_URL ?? '')
  const expired = new Set<string>()
  const server = createServer((incoming, answer) => {
    const { headers, method, url: path } = incoming
    const token = headers['x-amz-security-token']
    if (typeof token === 'string' && expired.has(token)) {
      incoming.resume()
      answer.writeHead(403, { 'content-type': 'application/json' })
      answer.end('{"message":"The security token included in the request is expired"}')
      return
    }
    const { hostname: host, port } = upstream
    const onward = request({ host, port, method, path, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 500, response.headers)
      response.pipe(answer)
    })
    onward.on('error', () => answer.destroy())
    incoming.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  test.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    expire: (token) => expired.add(token),
  }
}
