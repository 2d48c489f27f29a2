import { rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { startupSnapshot } from 'node:v8'
import { z } from 'zod'
import { makeFileStorage } from '../adapters/files/file-storage.ts'
import { makeBodyLog } from '../body/attempt-log.ts'
import { executeBodyJob } from '../body/execute-job.ts'
import { listProcessChanges, readProcessState } from '../body/process-state.ts'
import { day } from '../define/params.ts'
import { text } from '../define/targets/formats.ts'
import { countRegisteredTasks, forgetTasks, listRegisteredTasks, task } from '../define/task.ts'
import { setImport } from '../project/import-module.ts'
import { registerResolution } from '../project/register-resolution.ts'
import { serveBodies } from './serve-bodies.ts'

/** What a snapshot holds of packages, by the names of the modules that show it to a project. */
interface Held {
  index: object
  zod: object
}

const HELD = 'sluice.held'

/**
 * Makes the process that Node builds a snapshot of one that serves bodies when it is started from there. Modules of a project get
 * what it holds by modules beside the snapshot. `env` is what the process is started with, which is not for bodies.
 */
export function buildSnapshot(held: Held, env: { [name: string]: string }): void {
  Object.defineProperty(globalThis, Symbol.for(HELD), { value: held })
  for (const [name, module] of Object.entries(held))
    writeFileSync(new URL(`./${name}.mjs`, import.meta.url), makeModule(name, Object.keys(module)))
  writeFileSync(new URL('./import.cjs', import.meta.url), 'module.exports = (url) => import(url)')
  startupSnapshot.setDeserializeMainFunction(() => start(env))
  void warmUp()
}

/** Runs a task: a function that has run before is in the snapshot as compiled code. */
async function warmUp(): Promise<void> {
  const folder = fileURLToPath(new URL('./warm-up', import.meta.url))
  const known = countRegisteredTasks()
  const params = { name: z.string(), size: z.int().optional(), kind: z.enum(['a', 'b']), at: day() }
  task(
    'WarmUp',
    { params, output: ({ name }) => text(name), retry: { attempts: 2 } },
    async ({ output, params, log }) => {
      log.info('warm')
      await output.write(params.name)
    },
  )
  const [family] = listRegisteredTasks(known)
  const job = {
    run: 'warm-up',
    family: 'WarmUp',
    params: { name: 'warm', kind: 'a', at: '2000-01-01' },
    attempt: 1,
    writer: 'warm-up',
    upstreams: [],
    dependencies: [],
    budgets: {},
    markers: {},
    secrets: {},
  }
  const end = await executeBodyJob(new Map(family && [[family.definition.family, family.definition]]), job, {
    surroundings: { storage: makeFileStorage(folder, {}), markers: { read: async () => [] } },
    log: makeBodyLog(() => {}),
    getSignal: () => new AbortController().signal,
    onProgress() {},
    mayPublish: async () => true,
    reserve: async () => undefined,
    async block() {},
  })
  if (end.outcome !== 'succeeded')
    throw new Error(`a task in the snapshot ends as ${end.outcome}: ${end.failure?.message}`)
  listProcessChanges(readProcessState(), readProcessState())
  forgetTasks(known)
  rmSync(folder, { recursive: true })
}

/** Names may be words of the language, such as `null`. */
const makeModule = (name: string, exported: string[]) =>
  [
    `const held = globalThis[Symbol.for('${HELD}')].${name}`,
    ...exported.map((each, index) => `const v${index} = held.${each}; export { v${index} as ${each} }`),
  ].join('\n')

async function start(env: { [name: string]: string }): Promise<void> {
  // They were for this process, not for what its bodies start.
  process.execArgv = process.execArgv.filter((each) => !/^--(snapshot-blob=|no-rehash-snapshot$)/.test(each))
  for (const [name, value] of Object.entries(env)) if (process.env[name] === value) delete process.env[name]
  setImport(process.getBuiltinModule('node:module').createRequire(import.meta.url)('./import.cjs'))
  registerResolution()
  await serveBodies()
}
