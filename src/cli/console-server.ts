import type { Hono } from 'hono'
import type { Control } from '../control/control.ts'
import { SluiceError } from '../core/errors.ts'
import { type ApiOptions, createHttpApi } from '../http/api.ts'
import { addConsole, makeCookieName } from '../http/console.ts'
import type { Guards } from '../http/guards.ts'
import { makeReadOnlyControl } from '../http/read-only.ts'
import type { ServerView } from '../http/server.ts'
import { readConsoleFiles } from './console-files.ts'
import { listenOn } from './listen.ts'

/** Loopback alone: nothing of this is for other machines. */
const HOST = '127.0.0.1'

/** What is served, and who may have it. */
export interface ConsoleServerOptions extends Pick<ApiOptions, 'idleLookMs' | 'now'> {
  port: number
  token: string
  /** The token is the same after the next start. */
  isLasting: boolean
  /** Refuses what changes something. */
  isReadOnly: boolean
  /** The last instant of a simulation whose state is served, which nothing changes. @default the runs are real */
  simulatedUntil?: number
  /** The deployment that requests go on to. @default none: they are answered here */
  describeDeployment?(): Promise<ServerView['deployment']>
}

/** A server of the API and the console on this machine. */
export interface ConsoleServer {
  /** The address of the API. */
  base: string
  /** The address of the console, with the token; undefined if the console was not built. */
  address: string | undefined
  close(): void
}

/** Serves the API of a control with the console, and further paths that stand behind the same guards. */
export async function serveConsole(
  control: Control,
  options: ConsoleServerOptions,
  makeMore?: (control: Control, guards: Guards) => Hono,
): Promise<ConsoleServer> {
  const { port, token, isLasting, isReadOnly, simulatedUntil, idleLookMs, now, describeDeployment } = options
  const pages = readConsoleFiles()
  const cookie = makeCookieName(token)
  const guards = { isLoopbackOnly: true, token, ...(pages && { cookie }) } as const
  const served = isReadOnly ? makeReadOnlyControl(control) : control
  const app = createHttpApi(served, {
    guards,
    isStreaming: true,
    ...(idleLookMs !== undefined && { idleLookMs }),
    ...(now && { now }),
    describeServer: async () => ({
      readOnly: isReadOnly || simulatedUntil !== undefined,
      simulatedUntil: simulatedUntil ?? null,
      deployment: (await describeDeployment?.()) ?? null,
    }),
    onDefect: (error) => console.error(error),
  })
  if (pages) addConsole(app, pages, { token, cookie, isLasting })
  if (makeMore) app.route('/', makeMore(served, guards))
  const server = await listenOn(app, { host: HOST, port })
  const base = `http://${HOST}:${server.port}`
  return { base, address: pages && `${base}/?token=${token}`, close: server.close }
}

/** The console is all that some commands serve. */
export function requireConsole(): void {
  if (readConsoleFiles() !== undefined) return
  throw new SluiceError('invalid_usage', 'The console is not built.', {
    hint: 'In a checkout of Sluice: npm run build:console. The package has it.',
  })
}
