import { enableCompileCache } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { main } from '../src/cli/main.ts'
import { CODE_VARIABLE } from '../src/core/names.ts'
import type { Build } from '../src/homes/aws/build.ts'
import { findNewerCode } from './newer-code.ts'
import { runContainerWorker } from './worker.ts'

const HOUR_MS = 60 * 60_000

/** What the image runs: `worker` drains a pool's queue, `wait` is for looking around; else the command, embedded. */
export async function start(build: Build): Promise<void> {
  const args = process.argv.slice(2)
  if (args[0] === 'worker') await work(build)
  else if (args[0] === 'wait') await sleep(HOUR_MS)
  else await main(args)
}

async function work(build: Build): Promise<void> {
  // Every task has a process of its own; they share what has been compiled.
  enableCompileCache(join(tmpdir(), 'sluice-compiled'))
  const told = process.env[CODE_VARIABLE]
  // It is this module again, of newer code.
  delete process.env[CODE_VARIABLE]
  const newer = await findNewerCode(told, build)
  await (newer === undefined ? runContainerWorker(build) : import(newer))
}
