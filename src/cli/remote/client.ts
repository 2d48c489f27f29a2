import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { AwsClient } from 'aws4fetch'
import { ERRORS, type ErrorCode, SluiceError } from '../../core/errors.ts'
import { credentials, type Deployment, explained } from './deployment.ts'

/** The API of a deployment, called with the user's own credentials. */
export interface Api {
  post<T>(path: string, body?: unknown): Promise<T>
}

/** Signs every call for the function behind the URL (AWS Signature Version 4, service `lambda`). */
export function apiOf({ stack, environment, outputs }: Deployment): Api {
  const base = outputs.ApiUrl
  if (base === undefined)
    throw new SluiceError('invalid_deployment', `The stack ${stack} is not one of Sluice: it has no ApiUrl.`)
  let signer: Promise<AwsClient> | undefined
  const signIn = async () =>
    new AwsClient({ ...(await credentials()), service: 'lambda', region: environment.region, retries: 5 })

  return {
    async post(path, body = {}) {
      const url = new URL(path.replace(/^\//, ''), base)
      try {
        signer ??= signIn()
        const request = {
          method: 'POST',
          body: JSON.stringify(body),
          headers: { 'content-type': 'application/json' },
        }
        return await read(await send(await signer, url, request))
      } catch (error) {
        throw error instanceof SluiceError ? error : explained(error)
      }
    },
  }
}

/** The variable of the SDKs by which another endpoint than that of AWS is named, such as an emulator on this machine. */
const ENDPOINT = process.env.AWS_ENDPOINT_URL

interface ApiRequest {
  method: string
  body: string
  headers: { [name: string]: string }
}

/** An endpoint that is named knows the function by its host alone, which `fetch` does not let anyone set. */
async function send(signer: AwsClient, url: URL, request: ApiRequest): Promise<Response> {
  if (ENDPOINT === undefined) return signer.fetch(url.href, request)
  const signed = await signer.sign(url.href, request)
  const headers = { ...Object.fromEntries(signed.headers), host: url.host }
  const sent = httpRequest(new URL(url.pathname, ENDPOINT), { method: request.method, headers })
  sent.end(request.body)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return new Response(await text(answer), { status: answer.statusCode ?? 500 })
}

async function read<T>(response: Response): Promise<T> {
  const answered = await response.text()
  if (response.ok) return JSON.parse(answered) as T
  const told = parsed(answered)
  if (told.error !== undefined && told.error in ERRORS)
    throw new SluiceError(told.error as ErrorCode, told.message ?? '', told.hint ? { hint: told.hint } : {})
  throw Object.assign(
    new Error(told.message ?? told.Message ?? `${response.status} ${answered.slice(0, 200)}`),
    {
      name: response.status === 403 ? 'AccessDenied' : 'Error',
    },
  )
}

function parsed(text: string): { error?: string; message?: string; Message?: string; hint?: string | null } {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}
