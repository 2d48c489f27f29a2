import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Presence, SeenWorker } from '../../core/ports/looking.ts'
import { isProcessGone, makeWorkerId } from './processes.ts'

const BEAT_MS = 5_000
/** A process of another host counts as ended when its file is older than this. */
const SILENT_MS = 30_000
/** How long the file of a killed process is kept, which says when it was last seen. */
const KEPT_MS = 30 * 86_400_000

/**
 * A small file for each process that works on runs. Its content names the runs, its modification time is when the process
 * was last seen. A process that ends by itself removes its file; a killed process leaves it.
 */
export function makeFilePresence(folder: string): Presence {
  return {
    announce() {
      const path = join(folder, `${process.pid}-${randomUUID().slice(0, 8)}.json`)
      const write = (runs: readonly string[] | undefined) => {
        // Not recursive, so that a deleted state is not made again.
        ignoreFailure(() => mkdirSync(folder))
        writeFileSync(path, JSON.stringify({ worker: makeWorkerId(), runs: runs ?? null }))
      }
      const touch = () => utimesSync(path, new Date(), new Date())
      const timer = setInterval(() => ignoreFailure(touch), BEAT_MS)
      timer.unref()
      removeOld(folder)
      return {
        worksOn: (runs) => void ignoreFailure(() => write(runs)),
        leave() {
          clearInterval(timer)
          ignoreFailure(() => rmSync(path, { force: true }))
        },
      }
    },
    async list() {
      const seen = listPresenceFiles(folder).map((name) => readWorker(join(folder, name)))
      return Promise.all(seen.filter((each) => each !== undefined).map(addWhetherGone))
    },
  }
}

/** Ignores errors: a full disk or a missing state stops the engine in other places. */
function ignoreFailure<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}

const listPresenceFiles = (folder: string): string[] =>
  (ignoreFailure(() => readdirSync(folder)) ?? []).filter((name) => name.endsWith('.json'))

type PresenceFile = Omit<SeenWorker, 'isGone'>

/** Undefined if the file was removed meanwhile, or is not written yet. */
function readWorker(path: string): PresenceFile | undefined {
  return ignoreFailure(() => {
    const { worker, runs } = JSON.parse(readFileSync(path, 'utf8'))
    return { worker: String(worker), runs: runs ?? undefined, seenAt: statSync(path).mtimeMs }
  })
}

async function addWhetherGone(found: PresenceFile): Promise<SeenWorker> {
  const [here] = makeWorkerId().split('/')
  const isElsewhere = found.worker.split('/')[0] !== here
  const isSilent = isElsewhere && Date.now() - found.seenAt > SILENT_MS
  return { ...found, isGone: isSilent || (await isProcessGone(found.worker)) }
}

function removeOld(folder: string): void {
  for (const name of listPresenceFiles(folder)) {
    const path = join(folder, name)
    const found = readWorker(path)
    if (found !== undefined && Date.now() - found.seenAt > KEPT_MS)
      ignoreFailure(() => rmSync(path, { force: true }))
  }
}
