import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { makeWorkerId } from '../../adapters/system/processes.ts'
import { findRun } from '../../control/find-runs.ts'
import { findTask } from '../../control/find-tasks.ts'
import { findMissingResults } from '../../control/missing-results.ts'
import { SluiceError } from '../../core/errors.ts'
import { keys } from '../../core/keys.ts'
import type { PlannedTask } from '../../core/plan.ts'
import { openShell, type ShellPlace } from '../../runners/container/container-shell.ts'
import { openLocalHome } from './home.ts'
import { refuseWithoutRuns } from './open-control.ts'
import { prepareContainer } from './prepare-container.ts'

/** Where a shell was, and how it ended. */
export interface LocalShellEnd {
  run: string
  task: string
  /** `running`: in the container that ran the task; `kept`: in what a failed one has left; `fresh`: in a new one. */
  place: ShellPlace
  /** Exit code of the shell; null if it was killed. */
  exitCode: number | null
}

/**
 * Opens a shell on this terminal in a container of a task of a run of this machine, and waits for its end. Throws if the task is
 * no container, if its image is gone or has no shell, or if its inputs are not there.
 */
export async function openLocalShell(
  { stateFolder, run: wanted, task: name }: { stateFolder: string; run: string; task: string },
  say: (lines: string[]) => void,
): Promise<LocalShellEnd> {
  if (!existsSync(join(stateFolder, 'state.db'))) refuseWithoutRuns(stateFolder)
  const home = openLocalHome({ stateFolder })
  try {
    const { store } = home.context.ports
    const run = await findRun(home, wanted)
    const { task, planned } = await findTask(home, run, name)
    requireContainer(planned)
    const [checkpoint] = await store.read([keys.checkpoint(run.id, planned.number)])
    const [attempt] = await store.read([keys.attempt(run.id, planned.number, task.attempt)])
    const image = task.image ?? attempt?.image
    const memoryMb = task.memoryMb ?? planned.policy.memoryMb
    const end = await openShell({
      state: resolve(stateFolder),
      job: {
        run: run.id,
        task: planned,
        attempt: Math.max(1, task.attempt),
        nonce: randomUUID(),
        ...(checkpoint === undefined ? {} : { checkpoint: checkpoint.value }),
        ...(memoryMb === undefined ? {} : { memoryMb }),
      },
      prepared: await prepareContainer(planned, home.secrets, home.surroundings.markers),
      image,
      missing: await findMissingResults(home, run.id, planned),
      owner: makeWorkerId(),
      say,
    })
    return { run: run.id, task: planned.label, ...end }
  } finally {
    await home.close()
  }
}

function requireContainer({ container, label, family }: PlannedTask): void {
  if (container !== undefined) return
  throw new SluiceError(
    'invalid_usage',
    `${label} is no task in a container, so there is no image to open a shell in.`,
    {
      hint: `Its body runs in a process of this machine; with a debugger: node --inspect-brk and sluice run ${family} --inline.`,
    },
  )
}
