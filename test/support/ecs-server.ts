import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { ECSClient } from '@aws-sdk/client-ecs'

/** What ECS is asked: the action, and its fields. */
export type AskedOfEcs = [action: string, body: Record<string, unknown>]

/** A server that answers as ECS does, by what a test says; `__type` in an answer makes it an error. All that it was asked is noted. */
export async function startEcs(
  test: TestContext,
  answer: (action: string, body: Record<string, unknown>) => object,
): Promise<{ client: ECSClient; asked: AskedOfEcs[] }> {
  const asked: AskedOfEcs[] = []
  const server = createServer(async (request, response) => {
    const action = String(request.headers['x-amz-target']).split('.')[1] ?? ''
    const body = (await json(request)) as Record<string, unknown>
    asked.push([action, body])
    const told = answer(action, body)
    response.writeHead('__type' in told ? 400 : 200, { 'content-type': 'application/x-amz-json-1.1' })
    response.end(JSON.stringify(told))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  test.after(() => server.close())
  const client = new ECSClient({
    region: 'eu-west-2',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: { accessKeyId: 'a', secretAccessKey: 's' },
    maxAttempts: 1,
  })
  test.after(() => client.destroy())
  return { client, asked }
}
