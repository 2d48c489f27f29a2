import type { z } from 'zod'
import { ERRORS, type ErrorCode, SluiceError } from '../core/errors.ts'
import { ErrorAnswer } from './errors.ts'
import type { AnswerOf, OperationName, Route, Status } from './route.ts'

/** Reads the answer of an operation. Throws the error that the server told, the same as over no network. */
export async function readOperationAnswer<Name extends OperationName>(
  route: Route<Name>,
  url: URL,
  response: Response,
): Promise<AnswerOf<Name>> {
  const text = await response.text()
  const json = parseAnswerText(text)
  const error = ErrorAnswer.safeParse(json)
  if (error.success) throw makeServerError(url, response.status, error.data)
  const schema: z.ZodType<AnswerOf<Name>> | undefined = route.answers[response.status as Status]
  if (schema === undefined) throw foreignError(url, response.status, json ?? text)
  const answer = schema.safeParse(json)
  if (answer.success) return answer.data
  throw new SluiceError(
    'invalid_deployment',
    `${url.host} answers ${url.pathname} in another shape: it is of another version.`,
    {
      cause: answer.error,
      hint: 'Let both sides have the same version of Sluice; `sluice deploy` brings a deployment to yours.',
    },
  )
}

const isKnownCode = (code: string): code is ErrorCode => code in ERRORS

function makeServerError(url: URL, status: number, { error }: z.output<typeof ErrorAnswer>): SluiceError {
  const { code, message, hint, params } = error
  const options = { ...(hint !== null && { hint }), ...(params && { params }) }
  if (isKnownCode(code)) return new SluiceError(code, message, options)
  if (status === 404 || status === 405)
    return new SluiceError('invalid_deployment', `${url.host} is of another version: ${message}`, {
      hint: 'Let both sides have the same version of Sluice; `sluice deploy` brings a deployment to yours.',
    })
  const isRefused = status === 401 || status === 403
  return new SluiceError(isRefused ? 'deployment_unreachable' : 'invalid_usage', message, options)
}

/** An answer that is not of the API: of AWS, of a proxy, or of a version before `/v1`. */
function foreignError(url: URL, status: number, answer: unknown): SluiceError {
  const { message, Message = message } = Object(answer) as { message?: unknown; Message?: unknown }
  const text = String(Message ?? (typeof answer === 'string' ? answer : '')).slice(0, 200)
  if (status === 404)
    return new SluiceError(
      'invalid_deployment',
      `${url.host} is of another version: it has no ${url.pathname}.`,
      {
        hint: 'Bring it to yours: sluice deploy --env NAME',
      },
    )
  if (status === 401 || status === 403) return explainRefusal(url, text)
  return new SluiceError('deployment_unreachable', `${url.host} answered with ${status}: ${text}`, {
    hint: 'Give the command again. If it stays so, look at the logs of the server.',
  })
}

/** What AWS says of a signature; of a time that has passed it says the same word as of credentials that have expired. */
const REFUSALS: [reason: RegExp, message: string, hint: string][] = [
  [
    /signature (expired|not yet current)|RequestTimeTooSkewed/i,
    'The clock of this machine is wrong, so AWS does not accept its signatures',
    'Set the clock of this machine, then try again.',
  ],
  [
    /expired/i,
    'The AWS credentials have expired',
    'Sign in again (aws sso login, or new keys); nothing has to be started anew.',
  ],
  [
    /security token|signature|credential|access key/i,
    'AWS does not accept the credentials',
    'Sign in (aws sso login, or aws configure), or name a profile: AWS_PROFILE=…',
  ],
]

function explainRefusal({ host }: URL, text: string): SluiceError {
  const [, message = `${host} does not allow this`, hint = 'docs/security.md lists what a person needs.'] =
    REFUSALS.find(([reason]) => reason.test(text)) ?? []
  return new SluiceError('deployment_unreachable', `${message}: ${text}`, { hint })
}

function parseAnswerText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
