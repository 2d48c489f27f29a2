import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** What is written beside a target: `.NAME.<nonce of the attempt>-<n>.tmp`; a command may have made a folder. */
const STAGED = /^\..+\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-\d+\.tmp$/

/** Which of what lies beside targets has been abandoned. */
export interface AbandonedFiles {
  /** It was not changed since this instant. */
  before: number
  /** Whether the attempt of this nonce still runs. */
  isRunning(nonce: string): boolean
}

/** Removes what attempts that have died left beside targets, in the whole of a storage; returns how much it was. */
export async function removeAbandonedFiles(folder: string, abandoned: AbandonedFiles): Promise<number> {
  let removed = 0
  for (const entry of await readEntriesIfPossible(folder)) {
    const path = join(folder, entry.name)
    const nonce = STAGED.exec(entry.name)?.[1]
    if (nonce !== undefined) removed += await removeIf(path, nonce, abandoned)
    else if (entry.isDirectory()) removed += await removeAbandonedFiles(path, abandoned)
  }
  return removed
}

async function removeIf(path: string, nonce: string, { before, isRunning }: AbandonedFiles): Promise<0 | 1> {
  if (isRunning(nonce)) return 0
  try {
    if ((await stat(path)).mtimeMs >= before) return 0
    await rm(path, { recursive: true, force: true })
    return 1
  } catch {
    // It has gone meanwhile, or is another user's.
    return 0
  }
}

async function readEntriesIfPossible(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch {
    // A folder that cannot be read holds nothing of ours.
    return []
  }
}
