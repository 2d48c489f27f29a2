import { readFile } from 'node:fs/promises'
import { extname, join, relative, resolve } from 'node:path'
import type { Context, Hono } from 'hono'
import type { TaskEvent, TaskEventQuery } from '../../core/ports/luigi.ts'
import type { LuigiScheduler } from '../../luigi/luigi-scheduler.ts'
import { makeRefusalResponse } from '../errors.ts'

/** What is served besides the methods. */
export interface PageOptions {
  /** The folder `static` of a package of Luigi that is installed here; its web page is served. */
  findStaticFolder?(): Promise<string | undefined>
}

/** How many events a page of the history has, unless its query says `limit`. */
const HISTORY_LIMIT = 100
const MAX_HISTORY_LIMIT = 10_000

/** Adds what browsers and programs that watch ask for: health, the web page, metrics and the history of tasks. */
export function addPages(app: Hono, scheduler: LuigiScheduler, { findStaticFolder }: PageOptions): void {
  app.get('/', (context) =>
    context.req.raw.method === 'HEAD'
      ? context.body(null, 204)
      : context.redirect('static/visualiser/index.html', 302),
  )
  app.get('/metrics', (context) =>
    context.body(scheduler.writeMetrics(), 200, {
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
    }),
  )
  const history = (context: Context, query: Partial<TaskEventQuery>) =>
    context.json({ events: scheduler.readEvents({ ...query, limit: readLimit(context) }).map(describeEvent) })
  app.get('/history', (context) => history(context, {}))
  app.get('/history/by_id/:id', (context) => history(context, { taskId: context.req.param('id') }))
  app.get('/history/by_name/:family', (context) => history(context, { family: context.req.param('family') }))
  app.get('/static/*', async (context) => {
    const folder = await findStaticFolder?.()
    return folder === undefined ? answerWithoutPage(context) : serveFile(folder, context)
  })
}

function readLimit({ req }: Context): number {
  const limit = Math.trunc(Number(req.query('limit') ?? HISTORY_LIMIT))
  return limit >= 1 ? Math.min(limit, MAX_HISTORY_LIMIT) : HISTORY_LIMIT
}

const describeEvent = ({ at, taskId, family, status, worker, details }: TaskEvent) => ({
  at,
  task_id: taskId,
  task_family: family,
  status,
  worker,
  ...(JSON.parse(details) as object),
})

const TYPES: { [extension: string]: string } = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.gif': 'image/gif',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
}

/** Text that is no encoding of any text stays as it is. */
function decodePath(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

async function serveFile(folder: string, context: Context): Promise<Response> {
  const path = resolve(join(folder, decodePath(context.req.path.slice('/static/'.length))))
  const isInside = !relative(folder, path).startsWith('..')
  // A folder, a name that no file can have, and a file that is not there are one to a browser.
  const content = isInside ? await readFile(path).catch(() => undefined) : undefined
  if (content === undefined)
    return makeRefusalResponse('not_found', `The page of Luigi has nothing at ${context.req.path}.`)
  return context.body(new Uint8Array(content), 200, {
    'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
    'x-content-type-options': 'nosniff',
  })
}

/** The page for a machine without a package of Luigi: it names the API and the flag that finds the package. */
const answerWithoutPage = (context: Context): Response | Promise<Response> =>
  context.req.path.endsWith('.html')
    ? context.html(`<!doctype html><meta charset="utf-8"><title>Luigi scheduler</title>
<h1>Luigi scheduler</h1>
<p>This is <code>sluice luigid</code>. Luigi's own page is shown here if the Python package <code>luigi</code> is installed on
this machine; <code>--python PROGRAM</code> says where.</p>
<ul><li><a href="../../api/task_list">tasks</a></li><li><a href="../../api/worker_list">workers</a></li>
<li><a href="../../api/resource_list">resources</a></li><li><a href="../../history">history</a></li>
<li><a href="../../metrics">metrics</a></li></ul>`)
    : makeRefusalResponse('not_found', 'The Python package luigi, which has this page, was not found.', {
        hint: 'Start the scheduler with --python PROGRAM, the Python that has luigi.',
      })
