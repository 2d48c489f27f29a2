import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/** How a server that speaks an API of AWS behaves; a test changes it at any time. */
export interface ServedBehaviour {
  /** Answers a request with an error: its name, its message and perhaps its status. Called for each, before anything else. */
  refuse(operation: string): Refusal | undefined
  /** An operation that is performed, and whose answer is lost. */
  loses?: string | undefined
  /** What becomes of a cancel: at once, later by the test, or never, though it is accepted. */
  cancels: 'at once' | 'later' | 'never'
}

/** An error as its service answers with it. */
export interface Refusal {
  name: string
  message: string
  status?: number
}

export const refuse = (name: string, message: string, status = 400): Refusal => ({ name, message, status })

/** A request as it came. */
export interface ServedRequest {
  method: string
  url: URL
  headers: IncomingMessage['headers']
  body: string
}

/** EMR caps pages; tests make them smaller, so that there are several. */
export const MOST = 50

/** What the servers have in common that speak an API of EMR by its wire shapes. They run nothing: the test says how jobs go on. */
export abstract class ServedApi {
  /** Operations that were asked for, in order. */
  readonly asked: string[] = []
  readonly behaviour: ServedBehaviour = { refuse: () => undefined, cancels: 'at once' }
  pageSize = MOST
  /** The clock of the service. */
  now: () => number = Date.now
  url = ''

  /** Configuration of a client that tries nothing again. */
  get clientConfig() {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
    return { endpoint: this.url, region: 'eu-west-2', credentials, maxAttempts: 1 }
  }

  protected abstract readonly contentType: string
  protected abstract nameOperation(request: ServedRequest): string
  /** Throws a {@link Refusal}. */
  protected abstract perform(operation: string, request: ServedRequest): object

  async listen(test: Pick<TestContext, 'after'>): Promise<this> {
    const server = createServer((request, response) => void this.#answer(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    test.after(() => new Promise((resolve) => server.close(resolve)))
    return this
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const request: ServedRequest = {
      method: incoming.method ?? '',
      url: new URL(incoming.url ?? '/', this.url),
      headers: incoming.headers,
      body: Buffer.concat(chunks).toString(),
    }
    try {
      const operation = this.nameOperation(request)
      this.asked.push(operation)
      const refusal = this.behaviour.refuse(operation)
      if (refusal !== undefined) throw refusal
      const answer = this.perform(operation, request)
      if (this.behaviour.loses === operation) throw refuse('InternalServerException', 'lost', 500)
      response.writeHead(200, { 'content-type': this.contentType }).end(JSON.stringify(answer))
    } catch (error) {
      const { name, message, status = 400 } = error as Refusal
      response
        .writeHead(status, { 'content-type': this.contentType, 'x-amzn-errortype': name })
        .end(JSON.stringify({ __type: name, message }))
    }
  }
}
