import { writeFileSync } from 'node:fs'
import { readInputResults } from '../../body/prepare-job.ts'
import { keys } from '../../core/keys.ts'
import { mustHave } from '../../core/must-have.ts'
import { KEPT, SHELL } from '../../core/names.ts'
import { getContainerProgram } from '../../core/program.ts'
import type { BundledSettings } from '../../project/bundled.ts'
import { KeptFiles } from '../../runners/container/kept-files.ts'
import type { Build } from './build.ts'
import { readPartSettings } from './environment.ts'
import { openDeployedHome } from './home.ts'

/*
 * The keeper of a shell. It brings what the program of the task would find, and waits until the time of the shell is over.
 *
 * 1. It claims nothing, writes no record, and publishes nothing: its role may only read.
 * 2. ECS stops the task with its keeper, so no shell stays longer than its limit, whatever the one who has opened it does.
 */

/** Runs the keeper of a shell to its end. */
export async function keepShell(build: Build, { limits, programs }: BundledSettings): Promise<void> {
  const told = readPartSettings('shell-keeper')
  const isOver = waitForEnd()
  const home = openDeployedHome(told, { worker: 'shell', build, limits, programs })
  const { store, plans } = home.context.ports
  const { run, number } = told.shell
  const [planned] = await plans.tasks(run, [number])
  const task = mustHave(planned, `the plan of task ${number} of ${run}`)
  const [checkpoint] = await store.read([keys.checkpoint(run, number)])
  const files = new KeptFiles(getContainerProgram(task), home.surroundings.storage)
  const missing = await files.make({
    params: task.params,
    checkpoint: checkpoint?.value,
    results: await readInputResults(task, home.surroundings.markers),
  })
  if (missing.length > 0) throw new Error(`inputs are not there: ${missing.join(', ')}`)
  writeFileSync(KEPT.ready, '')
  await isOver
  await home.close()
}

/** Resolves when the shell was ended, or its time is over. */
function waitForEnd(): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, SHELL.limitMs)
    process.on('SIGTERM', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
