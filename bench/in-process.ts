import module from 'node:module'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

/**
 * `node bench/in-process.ts --pipeline NAME --params JSON --folder F [--plan-only] [--children] [--concurrency N]`: one run in
 * a fresh process. The last line is JSON with seconds from the call to its return, as peers are measured; the start of
 * the process is not in it.
 */
const { values } = parseArgs({
  options: {
    pipeline: { type: 'string', default: 'shapes' },
    params: { type: 'string', default: '{}' },
    folder: { type: 'string', default: '' },
    concurrency: { type: 'string', default: '64' },
    'plan-only': { type: 'boolean' },
    children: { type: 'boolean' },
  },
})
// As the command does, before anything of Sluice is loaded.
module.enableCompileCache(resolve(values.folder, '../cache'))
const {
  letHeapGrow,
  keepHeapSmall,
  openLocalHome,
  workOnRuns,
  loadProject,
  findRequestRoot,
  makeCheckedRequest,
  joinOrStartRun,
} = await import('./engine.ts')
const project = await loadProject(resolve(import.meta.dirname, 'sluice.config.ts'))
keepHeapSmall()
const home = openLocalHome({
  stateFolder: resolve(values.folder, 'state'),
  storageFolder: resolve(values.folder, 'data'),
  project,
  ...(values.children ? {} : { inline: true as const }),
})
const start = performance.now()
const asked = makeCheckedRequest(findRequestRoot(project, values.pipeline), JSON.parse(values.params))
const opened = await joinOrStartRun(home, asked)
const planned = performance.now()
let status = opened === undefined ? 'complete' : 'planned'
if (opened !== undefined && !values['plan-only']) {
  letHeapGrow()
  const events = workOnRuns(home, { runs: [opened.run], concurrency: Number(values.concurrency) })
  for await (const event of events) if (event.event === 'run_ended') status = event.status
}
const end = performance.now()
await home.close()
console.log(
  JSON.stringify({
    planSeconds: (planned - start) / 1000,
    seconds: (end - start) / 1000,
    status,
    ok: ['succeeded', 'complete', 'planned'].includes(status),
    peakMb: process.resourceUsage().maxRSS / 1024,
  }),
)
process.exit(0)
