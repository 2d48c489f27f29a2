import type { Context, MiddlewareHandler } from 'hono'
import { makeRefusalResponse } from '../errors.ts'
import { type Guards, isFromHere, isOfSameOrigin, isSameSecret } from '../guards.ts'

/**
 * Refuses what may not reach the scheduler. Clients of Luigi cannot send a token of their own, but a user and a password in
 * the URL of the scheduler: the password is the token. A health check (`HEAD /`) tells nothing, and needs none.
 */
export function makeLuigiGuard({ isLoopbackOnly, token }: Guards): MiddlewareHandler {
  return async (context, next) => {
    if (!(isLoopbackOnly ? isFromHere(context) : isOfSameOrigin(context)))
      return makeRefusalResponse(
        'forbidden',
        'Only programs and pages of this address may use the scheduler.',
        {
          hint: isLoopbackOnly
            ? 'Ask http://127.0.0.1 by its name; for other machines start it with --host.'
            : 'Open the page at the address of the scheduler itself.',
        },
      )
    const isHealthCheck = context.req.method === 'HEAD' && context.req.path === '/'
    if (token !== undefined && !isHealthCheck && !isSameSecret(readToken(context), token))
      return makeRefusalResponse('unauthorized', 'The token of the scheduler is missing or wrong.', {
        hint: 'Put it into the URL as the password: --scheduler-url http://luigi:TOKEN@HOST:PORT',
        headers: { 'www-authenticate': 'Basic realm="sluice luigid", charset="UTF-8"' },
      })
    await next()
    return undefined
  }
}

function readToken({ req }: Context): string {
  const [scheme = '', sent = ''] = (req.header('authorization') ?? '').split(' ')
  if (/^bearer$/i.test(scheme)) return sent
  if (!/^basic$/i.test(scheme)) return ''
  const text = Buffer.from(sent, 'base64').toString()
  return text.slice(text.indexOf(':') + 1)
}
