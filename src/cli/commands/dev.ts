import { setTimeout as sleep } from 'node:timers/promises'
import type { PipelineList } from '../../control/control.ts'
import { GRACE_MS, makeWorkEvents } from '../../control/follow-runs.ts'
import type { Home } from '../../control/home.ts'
import { runDevEngine } from '../../control/run-dev.ts'
import { SluiceError } from '../../core/errors.ts'
import { openLocalHome } from '../../homes/local/home.ts'
import { makeControlBesideEngine } from '../../homes/local/open-control.ts'
import type { Project } from '../../project/load-config.ts'
import { readOrMakeApiToken } from '../api-token.ts'
import { serveConsole } from '../console-server.ts'
import { makeEarlierApi } from '../earlier-api.ts'
import { EXIT } from '../exit.ts'
import { listenForStop, type RunOptions } from '../follow.ts'
import { keepHeapSmall } from '../heap.ts'
import type { LuigiServer } from '../luigi-server.ts'
import { openInBrowser } from '../open-in-browser.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { makePlainProgress, makeSilentProgress } from '../progress.ts'

/** How often it is looked at whether a simulated state is still there. */
const LOOK_MS = 1_000
/** Where the Luigi scheduler listens. */
const HOST = '127.0.0.1'

/** Runs engine, schedules and API on this machine until Ctrl-C. */
export async function runDevServer(
  project: Project,
  options: RunOptions & { port: number; open?: boolean; readOnly?: true; luigid?: number },
): Promise<Result> {
  const { state, data, inline, pull } = options
  keepHeapSmall()
  const home = openLocalHome({ stateFolder: state, storageFolder: data, project, inline, pull })
  let luigi: LuigiServer | undefined
  const control = makeControlBesideEngine(home, project, state, () => luigi?.scheduler)
  const view = options.json ? makeSilentProgress() : makePlainProgress((line) => console.log(line))
  const stop = new AbortController()
  const unlisten = listenForStop(stop, control)
  stop.signal.addEventListener('abort', () => view.show({ event: 'stopping', graceMs: GRACE_MS }))
  try {
    const token = readOrMakeApiToken(options.state)
    const isReadOnly = options.readOnly === true
    const server = await serveConsole(
      control,
      { port: options.port, token: token.value, isLasting: true, isReadOnly, ...viewSimulated(home) },
      makeEarlierApi,
    )
    let closeFile = () => {}
    if (server.address !== undefined) {
      view.say(`The console: ${server.address}`)
      if (options.open) closeFile = openInBrowser(server.address, state, view.say)
    } else view.say('The console is not built: npm run build:console')
    view.say(`The API listens on ${server.base}/v1/runs; its token is in ${token.path}`)
    try {
      if (home.simulatedUntil !== undefined) return await showSimulated(home, options, stop.signal, view.say)
      if (isReadOnly) view.say('Console and API only show; the engine and the schedules go on.')
      const { concurrency } = options
      const events = { ...makeWorkEvents(view.show), say: view.say }
      luigi = await startLuigi(options, view.say)
      view.say(`${schedulesText(await control.pipelines())} Ctrl-C stops.`)
      await runDevEngine(home, project, { ...events, concurrency, signal: stop.signal })
    } finally {
      luigi?.close()
      server.close()
      closeFile()
    }
    return {
      data: { stopped: true },
      text: 'Stopped. What is open goes on with the next sluice dev.',
      exitCode: EXIT.done,
    }
  } finally {
    unlisten()
    await control.close()
  }
}

/** What is served of a state that was simulated: pages show it as it was at the last instant of its clock. */
const viewSimulated = ({ simulatedUntil, context }: Home) =>
  simulatedUntil === undefined ? {} : { simulatedUntil, now: context.ports.clock.now }

/** Serves a state that was simulated, in which no engine works, until Ctrl-C or until the state is simulated anew. */
async function showSimulated(
  { context, simulatedUntil = 0 }: Home,
  { luigid }: { luigid?: number },
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<Result> {
  if (luigid !== undefined)
    throw new SluiceError('invalid_usage', "Luigi's scheduler does not work on a state that was simulated.", {
      hint: 'Leave --luigid out, or name the state of your runs with --state FOLDER.',
    })
  const { store } = context.ports
  say(
    `The runs were simulated, up to ${new Date(simulatedUntil).toISOString()}: they are only shown, and nothing starts. Ctrl-C stops.`,
  )
  while (!signal.aborted) {
    // Throws once the file has been replaced.
    await store.due({ before: 0, limit: 1 })
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {})
  }
  return { data: { stopped: true }, text: 'Stopped.', exitCode: EXIT.done }
}

/** Starts the Luigi scheduler, if it is asked for, for workers of this machine. */
async function startLuigi(
  { luigid, state }: GlobalOptions & { luigid?: number },
  say: (line: string) => void,
) {
  if (luigid === undefined) return undefined
  const { startLuigiServer } = await import('../luigi-server.ts')
  return startLuigiServer({ host: HOST, port: luigid, state, python: 'python3' }, say)
}

/** How many schedules start runs, and how to let the others. */
function schedulesText({ pipelines }: PipelineList): string {
  const scheduled = pipelines.filter(({ schedule }) => schedule !== null)
  const paused = scheduled.filter(({ schedule }) => schedule?.paused)
  const [first] = paused
  if (scheduled.length === 0) return 'No pipeline has a schedule.'
  if (first === undefined) return `Schedules: ${scheduled.length}, none is paused.`
  const resume = `sluice resume ${paused.length === 1 ? first.name : 'PIPELINE'}`
  return `Schedules: ${scheduled.length}, of which ${paused.length} paused (to start: ${resume}).`
}
