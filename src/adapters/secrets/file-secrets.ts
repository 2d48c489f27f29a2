import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { readErrorMessage, SluiceError } from '../../core/errors.ts'
import type { SecretStore } from '../../core/ports/working.ts'

/** Secrets of one machine: a file that only its owner reads, or the environment. */
export interface FileSecrets extends SecretStore {
  set(name: string, value: string): void
  remove(name: string): boolean
  /** Names in the file; never the values. */
  names(): string[]
  /** What is wrong with the file, if anything. */
  problem(): string | undefined
}

/** The environment (as `variableOf` names it) goes before the file. A file that others can read is refused. */
export function makeFileSecrets(path: string, variableOf: (name: string) => string): FileSecrets {
  const problem = () => {
    if (!existsSync(path)) return undefined
    const mode = statSync(path).mode & 0o777
    return (mode & 0o077) === 0
      ? undefined
      : `${path} can be read by others (mode ${mode.toString(8)}); run: chmod 600 ${path}`
  }

  function load(): Record<string, string> {
    const wrong = problem()
    if (wrong !== undefined) throw new SluiceError('state_unusable', `The secrets are not safe: ${wrong}.`)
    if (!existsSync(path)) return {}
    try {
      return JSON.parse(readFileSync(path, 'utf8'))
    } catch (error) {
      throw new SluiceError('state_unusable', `${path} is not JSON: ${readErrorMessage(error)}.`, {
        cause: error,
      })
    }
  }

  function save(secrets: Record<string, string>): void {
    mkdirSync(dirname(path), { recursive: true })
    writeFileAtomic.sync(path, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 })
  }

  const get = (name: string) => process.env[variableOf(name)] ?? new Map(Object.entries(load())).get(name)

  return {
    get: async (name) => get(name),
    isSet: async (name) => get(name) !== undefined,
    hint: (name) =>
      `set it with: sluice secrets set ${name} (or the environment variable ${variableOf(name)})`,
    set: (name, value) => save({ ...load(), [name]: value }),
    remove(name) {
      const { [name]: removed, ...rest } = load()
      if (removed !== undefined) save(rest)
      return removed !== undefined
    },
    names: () => Object.keys(load()).sort(),
    problem,
  }
}
