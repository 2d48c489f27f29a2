import { type ChildProcess, spawn } from 'node:child_process'
import { getCompileCacheDir } from 'node:module'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Little is alive in these processes, so garbage is looked for often: what passes through does not make them grow. */
const THRIFTY = ['--max-semi-space-size=1', '--heap-growing-percent=20']

/** A process of Sluice itself, which ends when this one is gone; `module` is a file beside the one of `url`. */
export function startOwnProcess(module: string, url: string): ChildProcess {
  // A checkout has .ts, the package .js, a bundle .mjs.
  const entry = fileURLToPath(new URL(`./${module}${extname(url)}`, url))
  return spawn(process.execPath, [...THRIFTY, entry], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...removeSecretVariables(process.env), ...listCompileCacheVariables() },
    serialization: 'json',
    // A group of its own: Ctrl-C reaches only this process.
    detached: true,
  })
}

/** A process of ours shares the compiled code of this one, if that keeps any; the variable is Node's own. */
export function listCompileCacheVariables(): NodeJS.ProcessEnv {
  const folder = getCompileCacheDir()
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: folder }
}

/** Secrets that are given by the environment reach only the tasks that declare them. */
export function removeSecretVariables(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith('SLUICE_SECRET_')),
  )
}
