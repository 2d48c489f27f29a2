import { lstatSync, realpathSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'

const OTHERS_WRITE = 0o002
const GROUP_WRITES = 0o020
const STICKY = 0o1000

/**
 * Whether only this user and root can change what is in a folder: it is this user's own, and no folder above lets another user put
 * another one in its place. False where owners are not known (Windows).
 */
export function isOwnFolder(folder: string): boolean {
  const user = process.getuid?.()
  if (user === undefined) return false
  const real = realpathSync(folder)
  const own = lstatSync(real)
  if (own.uid !== user || !own.isDirectory() || isWrittenByOthers(own)) return false
  for (let here = dirname(real); ; here = dirname(here)) {
    const above = lstatSync(here)
    const isSafe = !isWrittenByOthers(above) || (above.mode & STICKY) !== 0
    if ((above.uid !== user && above.uid !== 0) || !isSafe) return false
    if (here === dirname(here)) return true
  }
}

/** Many systems give each user a group of the same number, and folders that it may write. */
function isWrittenByOthers({ mode, uid, gid }: Stats): boolean {
  return (mode & OTHERS_WRITE) !== 0 || ((mode & GROUP_WRITES) !== 0 && gid !== uid)
}
