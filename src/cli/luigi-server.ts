import { findLuigiPage, openLuigiScheduler } from '../homes/local/open-luigi.ts'
import { createLuigiApi } from '../http/luigi/luigi-api.ts'
import { readOrMakeApiToken } from './api-token.ts'
import { listenOn } from './listen.ts'
import type { LuigidOptions } from './luigid-flags.ts'

const LOOPBACK = ['127.0.0.1', 'localhost', '::1']
/** Workers keep their connections while a task runs. One that ends just when a worker uses it costs the client 30 s. */
const KEEP_ALIVE_MS = 60 * 60_000
/** The scheduler applies the rules of time so often while no worker calls, as Luigi's own does. */
const PRUNE_MS = 60_000

/** Where a Luigi scheduler listens, and what it obeys. */
export type LuigiServerOptions = Pick<LuigidOptions, 'host' | 'port' | 'state' | 'luigiConfig' | 'python'>

/** A scheduler that listens. */
export interface LuigiServer {
  scheduler: ReturnType<typeof openLuigiScheduler>
  /** Its state is kept for the next start. */
  close(): void
}

/** Starts Luigi's central scheduler, and says where it listens. */
export async function startLuigiServer(
  options: LuigiServerOptions,
  say: (line: string) => void,
): Promise<LuigiServer> {
  const { host, state, port } = options
  const isLoopback = LOOPBACK.includes(host)
  const scheduler = openLuigiScheduler({ stateFolder: state, configFile: options.luigiConfig })
  const isUnderTest = process.env.LUIGI_TEST_SUPPORT === '1'
  try {
    const token = isLoopback ? undefined : readOrMakeApiToken(state)
    let page: Promise<string | undefined> | undefined
    const app = createLuigiApi(scheduler, {
      guards: isLoopback ? { isLoopbackOnly: true } : { token: token?.value },
      isUnderTest,
      findStaticFolder() {
        page ??= findLuigiPage(options.python)
        return page
      },
      onDefect: (error) => console.error(error),
    })
    const server = await listenOn(app, { host, port, keepAliveMs: KEEP_ALIVE_MS })
    say(`The Luigi scheduler listens on http://${host.includes(':') ? `[${host}]` : host}:${server.port}`)
    if (token !== undefined)
      say(`Workers need the token in ${token.path}: --scheduler-url http://luigi:TOKEN@HOST:${server.port}`)
    if (isUnderTest)
      say('LUIGI_TEST_SUPPORT is set: every client can make it forget all tasks, and set its time.')
    // A test sets the time of each call; no other clock may meddle.
    const pruning = isUnderTest ? undefined : setInterval(() => scheduler.prune(Date.now() / 1_000), PRUNE_MS)
    return {
      scheduler,
      close() {
        clearInterval(pruning)
        server.close()
        scheduler.close()
      },
    }
  } catch (error) {
    scheduler.close()
    throw error
  }
}
