import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readErrorMessage } from '../core/errors.ts'

/** A browser that has to be started first has read the file by then. */
const FILE_MS = 60_000

/**
 * Opens an address that holds a token in the browser of this machine. The list of processes shows every user with which
 * arguments a program was started, so the browser is given a file that only this user can read, and which leads to the address.
 * Returns what removes the file; it goes by itself after a minute.
 */
export function openInBrowser(address: string, stateFolder: string, say: (line: string) => void): () => void {
  // A browser in a sandbox reads files of the home folder, where projects are, rather than those of /tmp.
  const folder = mkdtempSync(join(existsSync(stateFolder) ? stateFolder : tmpdir(), 'open-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  const path = join(folder, 'console.html')
  const fail = (reason: string) => {
    remove()
    say(`No browser could be opened (${reason}): open the address yourself.`)
  }
  try {
    writeFileSync(path, makePage(address), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    fail(readErrorMessage(error))
    return remove
  }
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open'
  const opener = spawn(program, [path], { stdio: 'ignore', detached: true })
  opener.on('error', () => fail(program))
  opener.unref()
  setTimeout(remove, FILE_MS).unref()
  return remove
}

/** A page that leads to an address, in which no sign has to be escaped. */
const makePage = (address: string) => `<!doctype html>
<meta charset="utf-8">
<title>Sluice</title>
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url=${address}">
<a href="${address}">Open the console</a>
`
