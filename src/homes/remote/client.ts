import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { AwsClient } from 'aws4fetch'
import { SluiceError } from '../../core/errors.ts'
import type { Fetcher, HttpRequest } from '../../http/client.ts'
import { forgetCredentials, readCredentials } from './credentials.ts'
import { type Deployment, explainAwsError } from './deployment.ts'

/** The address of a deployment's API. */
export function findApiAddress({ stack, outputs }: Deployment): string {
  if (outputs.ApiUrl !== undefined) return outputs.ApiUrl
  throw new SluiceError('invalid_deployment', `The stack ${stack} is not one of Sluice: it has no ApiUrl.`)
}

/**
 * Signs requests with the user's own credentials (AWS Signature Version 4, service `lambda`). They are asked for anew for each
 * request, because they expire while a run is followed, and may be there only after a person has signed in. The SDK keeps them until
 * shortly before; those that AWS has refused are looked up once more.
 */
export function makeSignedFetcher({ environment }: Deployment): Fetcher {
  const settings = { service: 'lambda', region: environment.region, cache: new Map() }
  return async (url, request) => {
    const signed = await readCredentials()
      .then((keys) => new AwsClient({ ...keys, ...settings }).sign(url.href, request))
      .catch((error) => {
        throw explainAwsError(error)
      })
    const answer = await (ENDPOINT === undefined
      ? fetch(signed)
      : sendTo(ENDPOINT, url, signed.headers, request))
    if (answer.status === 403) forgetCredentials()
    return answer
  }
}

/** The variable of the SDKs by which another endpoint than that of AWS is named, such as an emulator on this machine. */
const ENDPOINT = process.env.AWS_ENDPOINT_URL

/** An endpoint that is named knows the function by its host alone, which `fetch` does not let anyone set. */
async function sendTo(
  endpoint: string,
  url: URL,
  signed: Headers,
  { method, body }: HttpRequest,
): Promise<Response> {
  const headers = { ...Object.fromEntries(signed), host: url.host }
  const sent = httpRequest(new URL(url.pathname + url.search, endpoint), { method, headers })
  sent.end(body)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  const { date } = answer.headers
  return new Response(await text(answer), {
    status: answer.statusCode ?? 500,
    ...(date && { headers: { date } }),
  })
}
