import { timingSafeEqual } from 'node:crypto'
import type { Context, MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { getCookie } from 'hono/cookie'
import { makeRefusalResponse } from './errors.ts'

/**
 * What may reach the API. A page of another origin that a browser shows here could send requests to loopback, and a name
 * of its own could lead there (DNS rebinding); another user of the machine could connect as well.
 */
export interface Guards {
  /** Requests have to name loopback as their host, and may come from no other origin. */
  isLoopbackOnly?: true
  /** Requests carry it: `authorization: Bearer TOKEN`. @default none: who may connect is decided elsewhere, as by IAM */
  token?: string
  /** The token may also come in this cookie, which a page of the same address sends. @default none */
  cookie?: string
}

/** Refuses what may not reach the API. */
export function makeApiGuard({ isLoopbackOnly, token, cookie }: Guards): MiddlewareHandler {
  return async (context, next) => {
    if (isLoopbackOnly && !isFromHere(context))
      return makeRefusalResponse('forbidden', 'Only this machine may use this API.', {
        hint: 'Ask http://127.0.0.1 by its name, from a program or from a page of the same address.',
      })
    if (token !== undefined && !hasToken(context, token, cookie))
      return makeRefusalResponse('unauthorized', 'The token of the API is missing or wrong.', {
        hint: 'Send the header `authorization: Bearer TOKEN`; `sluice dev` tells in which file the token is.',
        headers: { 'www-authenticate': 'Bearer' },
      })
    if (mayHaveBody(context) && !isJsonRequest(context))
      return makeRefusalResponse('unsupported_media_type', 'The body of a request is JSON.', {
        hint: 'Send the header `content-type: application/json`.',
      })
    await next()
    return undefined
  }
}

/** Refuses requests that are larger, without reading them whole. */
export const makeSizeLimit = (maxBytes: number): MiddlewareHandler =>
  bodyLimit({
    maxSize: maxBytes,
    onError: () => makeRefusalResponse('too_large', `A request like this has ${maxBytes} bytes at most.`),
  })

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']

/** Whether a request names loopback as its host, and comes from no page of another origin. */
export const isFromHere = (context: Context): boolean => namesLoopback(context) && isOfSameOrigin(context)

/**
 * Whether a page of this server may be shown: a person may have followed a link from elsewhere, such as a mail, in a tab of its
 * own. The page without its API tells nothing.
 */
export const isPageWanted = (context: Context): boolean =>
  namesLoopback(context) && (isOfSameOrigin(context) || isNavigation(context))

const namesLoopback = ({ req }: Context): boolean =>
  LOOPBACK.includes(URL.parse(`http://${req.header('host') ?? ''}`)?.hostname ?? '')

const isNavigation = ({ req }: Context): boolean =>
  req.header('sec-fetch-mode') === 'navigate' && req.header('sec-fetch-dest') === 'document'

/** Whether a request comes from a program, or from a page of this server. */
export function isOfSameOrigin({ req }: Context): boolean {
  const host = req.header('host') ?? ''
  const origin = req.header('origin')
  const site = req.header('sec-fetch-site')
  return (
    (origin === undefined || origin === `http://${host}`) &&
    (site === undefined || site === 'same-origin' || site === 'none')
  )
}

function hasToken(context: Context, token: string, cookie: string | undefined): boolean {
  const { req } = context
  const kept = cookie === undefined ? undefined : getCookie(context, cookie)
  if (kept !== undefined && isSameSecret(kept, token)) return true
  const [scheme, given = ''] = (req.header('authorization') ?? '').split(' ')
  return /^bearer$/i.test(scheme ?? '') && isSameSecret(given, token)
}

/** Compares in constant time, so that the time of an answer tells nothing about the secret. */
export function isSameSecret(given: string, expected: string): boolean {
  const [sent, wanted] = [Buffer.from(given), Buffer.from(expected)]
  return sent.length === wanted.length && timingSafeEqual(sent, wanted)
}

const mayHaveBody = ({ req }: Context) => ['POST', 'PUT', 'PATCH'].includes(req.method)

/** A page of another origin cannot send this type without asking first. */
const isJsonRequest = ({ req }: Context) =>
  /^application\/json\s*(;|$)/i.test(req.header('content-type') ?? '')
