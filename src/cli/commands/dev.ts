import { serve } from '@hono/node-server'
import type { Home } from '../../control/home.ts'
import { runDev } from '../../control/run-dev.ts'
import { SluiceError } from '../../core/errors.ts'
import type { Pipeline } from '../../define/pipeline.ts'
import { readSchedule } from '../../engine/schedules.ts'
import type { Project } from '../../project/load-config.ts'
import { devApi } from '../api.ts'
import { EXIT } from '../exit.ts'
import { projectHome } from '../homes.ts'
import type { Result } from '../options.ts'
import { plainProgress, silentProgress } from '../progress.ts'
import { listenForStop, type RunOptions } from './run.ts'

const HOST = '127.0.0.1'

/** Runs engine, schedules and API on this machine until Ctrl-C. */
export async function dev(project: Project, options: RunOptions & { port: number }): Promise<Result> {
  const home = projectHome(options, project)
  const view = options.json ? silentProgress() : plainProgress((line) => console.log(line))
  const stop = new AbortController()
  const unlisten = listenForStop(stop, home, view)
  try {
    const api = await listen(devApi(home, project), options.port)
    view.say(`The API listens on http://${HOST}:${api.port}/api/runs`)
    view.say(`${await schedulesText(home, project)} Ctrl-C stops.`)
    try {
      await runDev(home, project, { ...view, concurrency: options.concurrency, signal: stop.signal })
    } finally {
      api.close()
    }
    return {
      data: { stopped: true },
      text: 'Stopped. What is open goes on with the next sluice dev.',
      exitCode: EXIT.done,
    }
  } finally {
    unlisten()
    await home.close()
  }
}

/** How many schedules start runs, and how to let the others. */
async function schedulesText({ context }: Home, project: Project): Promise<string> {
  const scheduled = [...project.pipelines.values()].filter(({ schedule }) => schedule !== undefined)
  const records = await Promise.all(scheduled.map(({ name }) => readSchedule(context, name)))
  const paused = scheduled.filter((_, index) => records[index]?.paused ?? true)
  if (scheduled.length === 0) return 'No pipeline has a schedule.'
  if (paused.length === 0) return `Schedules: ${scheduled.length}, none is paused.`
  const [first] = paused as [Pipeline]
  const resume = `sluice resume ${paused.length === 1 ? first.name : 'PIPELINE'}`
  return `Schedules: ${scheduled.length}, of which ${paused.length} paused (to start: ${resume}).`
}

/** Listens on loopback only. */
function listen(app: ReturnType<typeof devApi>, port: number): Promise<{ port: number; close(): void }> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname: HOST, port }, (info) =>
      resolve({ port: info.port, close: () => server.close() }),
    )
    server.on('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new SluiceError('invalid_usage', `The port ${port} is in use.`, {
              hint: 'Another sluice dev may be running; name another port with --port, or 0 for a free one.',
            })
          : error,
      ),
    )
  })
}
