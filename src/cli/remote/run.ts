import { findRun, viewRun } from '../../control/inspect.ts'
import type { Params } from '../../core/model.ts'
import type { Project } from '../../project/load-config.ts'
import { EXIT } from '../exit.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { failureLines, summaryData, summaryText } from '../summary.ts'
import { waitLines } from '../waits.ts'
import { type Connection, connect } from './connect.ts'
import { followRemote } from './follow.ts'

/** What a deployment is asked for: see `ORDER` of the handlers. */
export interface RemoteRequest {
  name: string
  params: Params
  order: {
    force?: true | string
    interval?: { start: number; end: number }
    again?: { run: string; task?: number; done?: string[] }
  }
}

/** Flags of commands that start runs of a deployment. */
export interface RemoteRunOptions extends GlobalOptions {
  wait?: number
  detach?: true
}

/** Starts or joins a run. */
export const start = ({ api }: Connection, request: RemoteRequest) =>
  api.post<{ run: string; opened: boolean }>('/runs', request)

/** Starts or joins a run of a deployment, and follows it to its end. */
export async function runRemotely(
  project: Project,
  request: RemoteRequest,
  options: RemoteRunOptions,
): Promise<Result> {
  const connection = await connect(options, project)
  const { run, opened } = await start(connection, request)
  const env = `--env ${options.env}`
  if (options.detach)
    return {
      data: { run, opened },
      text: `${opened ? 'Started' : 'There is'} run ${run}. Look at it: sluice status ${run} ${env}`,
    }
  const say = options.json ? () => {} : (line: string) => console.log(line)
  say(`${opened ? 'Run' : 'Going on with run'} ${run}`)
  const stop = stopOnSignal()
  const end = await followRemote(connection.home, run, {
    say,
    signal: stop.signal,
    ...(options.wait === undefined ? {} : { waitMs: options.wait }),
  })
  const view = await viewRun(connection.home, await findRun(connection.home, run))
  const data = { ...summaryData(view), end }
  if (end === 'ended')
    return {
      data,
      text: summaryText(view, options.env),
      exitCode: view.run.status === 'succeeded' ? EXIT.done : EXIT.failed,
    }
  if (end === 'stopped')
    return { data, text: `The run goes on: sluice status ${run} ${env}`, exitCode: EXIT.waiting }
  const waits = await waitLines(connection.home, view)
  return {
    data: { ...data, waits },
    text: [...failureLines(view, options.env).slice(1), `${run} waits:`, ...waits].join('\n'),
    exitCode: EXIT.waiting,
  }
}

/** Ctrl-C stops following alone. */
export function stopOnSignal(): AbortController {
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  process.once('SIGTERM', () => stop.abort())
  return stop
}
