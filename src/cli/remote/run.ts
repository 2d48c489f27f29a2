import { lookingAtHome } from '../../control/looking.ts'
import type { Params } from '../../core/model.ts'
import type { Project } from '../../project/load-config.ts'
import { EXIT } from '../exit.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { readSummary } from '../read-pages.ts'
import { waitLines } from '../render/reasons.ts'
import { failureLines, summaryData, summaryText } from '../render/summary.ts'
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
  const control = lookingAtHome(connection.home)
  const summary = await readSummary(control, run)
  const data = { ...summaryData(summary), end }
  if (end === 'ended')
    return {
      data,
      text: summaryText(summary, options.env),
      exitCode: summary.run.status === 'succeeded' ? EXIT.done : EXIT.failed,
    }
  if (end === 'stopped')
    return { data, text: `The run goes on: sluice status ${run} ${env}`, exitCode: EXIT.waiting }
  const waits = waitLines(await control.waits({ run }))
  return {
    data: { ...data, waits },
    text: [...failureLines(summary, options.env).slice(1), `${run} waits:`, ...waits].join('\n'),
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
