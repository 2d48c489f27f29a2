import { createHash } from 'node:crypto'
import type { Context, Hono, MiddlewareHandler } from 'hono'
import { setCookie } from 'hono/cookie'
import { isFromHere, isPageWanted, isSameSecret } from './guards.ts'

/** The files of the console, by name: `index.html`, `app.js`, `layout.js`, `app.css`. */
export type ConsoleFiles = ReadonlyMap<string, { type: string; body: string }>

/** Nothing comes from elsewhere, no script stands in a page, and no other page may show one of these in a frame. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types sluice',
].join('; ')

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

/** A month: as long as a person may leave the console open. */
const COOKIE_SECONDS = 30 * 24 * 3600

/** How a browser gets and keeps the token. */
export interface ConsoleOptions {
  token: string
  cookie: string
  /** The token stays the same when the server starts again. @default the browser keeps it until it is closed */
  isLasting?: boolean
}

/**
 * Adds the pages of the console. The token comes once, in the address that the command prints, and moves into a cookie
 * that no script reads and no other site sends; so it stays in no history. The pages themselves tell nothing: what they
 * show comes from the API, which wants the cookie.
 */
export function addConsole(
  app: Hono,
  files: ConsoleFiles,
  { token, cookie, isLasting }: ConsoleOptions,
): void {
  const refuseUnless =
    (mayCome: (context: Context) => boolean): MiddlewareHandler =>
    async (context, next) => {
      if (!mayCome(context))
        return answerText(403, 'Only this machine may use the console: ask http://127.0.0.1 by its name.')
      await next()
      return undefined
    }
  const [forPage, forPart] = [refuseUnless(isPageWanted), refuseUnless(isFromHere)]
  app.get('/', forPage, (context) => {
    const given = context.req.query('token')
    if (given === undefined) return answerFile(files, 'index.html')
    if (!isSameSecret(given, token))
      return answerText(
        401,
        'The token is wrong, or of an earlier start. Open the address that the command printed last.',
      )
    setCookie(context, cookie, token, {
      httpOnly: true,
      sameSite: 'Strict',
      path: '/',
      ...(isLasting && { maxAge: COOKIE_SECONDS }),
    })
    for (const [name, value] of Object.entries(HEADERS)) context.header(name, value)
    return context.redirect('/', 303)
  })
  for (const name of ['app.js', 'layout.js', 'app.css'])
    app.get(`/${name}`, forPart, () => answerFile(files, name))
  for (const path of ['/runs', '/runs/*', '/limits', '/luigid', '/luigid/*', '/pipelines/*'])
    app.get(path, forPage, () => answerFile(files, 'index.html'))
}

/** The cookie of a server: browsers send the cookies of all ports of one host, so each token has a name of its own. */
export const makeCookieName = (token: string): string =>
  `sluice-${createHash('sha256').update(token).digest('hex').slice(0, 12)}`

function answerFile(files: ConsoleFiles, name: string): Response {
  const file = files.get(name)
  if (file === undefined) return answerText(404, `The console has no ${name}.`)
  return new Response(file.body, { headers: { ...HEADERS, 'content-type': file.type } })
}

const answerText = (status: number, text: string) =>
  new Response(`${text}\n`, { status, headers: { ...HEADERS, 'content-type': 'text/plain; charset=utf-8' } })
