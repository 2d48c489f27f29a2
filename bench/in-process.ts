import { resolve } from 'node:path'
import '../src/local/resolve-self.ts'
import { openHome } from '../src/local/home.ts'
import { loadProject } from '../src/local/load-config.ts'
import { findRoot, requestFor, startRun } from '../src/local/requests.ts'
import { followRuns } from '../src/local/run-pipeline.ts'

/**
 * `node bench/in-process.ts SHAPE SIZE FOLDER [plan|run] [inline|child]`: one run in a fresh process. The last line is JSON with
 * seconds, from the call to its return, as peers are measured; the start of the process is not in it.
 */
const [shape = 'wide', size = '1000', folder = '', what = 'run', how = 'inline'] = process.argv.slice(2)
const project = await loadProject(resolve(import.meta.dirname, 'sluice.config.ts'))
const home = openHome({
  stateFolder: resolve(folder, 'state'),
  storageFolder: resolve(folder, 'data'),
  project,
  ...(how === 'inline' ? { inline: 'inline' as const } : {}),
})
const start = performance.now()
const asked = requestFor(findRoot(project, 'shapes'), { shape, size: Number(size) })
const opened = await startRun(home, asked)
const planned = performance.now()
let ended: string | undefined
if (opened !== undefined && what === 'run') {
  const runs = [opened.run]
  ended = await followRuns(home, {
    next: async () => runs.shift(),
    maxActive: 1,
    concurrency: Number(process.env.CONC ?? 2),
    waitMs: 60_000,
    signal: new AbortController().signal,
    onRunEnd: (run) => {
      ended = run.status
    },
  })
}
const end = performance.now()
await home.close()
console.log(
  JSON.stringify({
    shape,
    size: Number(size),
    planSeconds: (planned - start) / 1000,
    seconds: (end - start) / 1000,
    ended,
    peakMb: process.resourceUsage().maxRSS / 1024,
  }),
)
process.exit(0)
