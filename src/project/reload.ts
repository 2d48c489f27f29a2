import { readErrorMessage } from '../core/errors.ts'
import { listPatternFiles, loadProject, type Project } from './load-config.ts'
import { beginModuleRead, makeFileFingerprint } from './module-reads.ts'

/** What came of a look at the definitions of a project. */
export type ReloadResult =
  | { is: 'same' }
  | { is: 'read'; changed: string[] }
  | { is: 'wrong'; message: string }

/**
 * Follows the modules of a project, which have to be loaded before; each look reads the definitions anew if a module
 * has changed, was added or removed, and puts them into the same project. What is wrong leaves it as it was.
 */
export function followDefinitions(project: Project): () => Promise<ReloadResult> {
  if (project.path === '') return async () => ({ is: 'same' })
  // As they were when they were loaded: what has changed or was added since is read anew.
  let loaded = project.files
  let known = loaded
  let seen = known

  return async () => {
    const now = fingerprints(project, loaded.keys())
    // A file that is being written is read when it has been the same for two looks.
    const isSettled = differences(seen, now).length === 0
    seen = now
    const changed = differences(known, now)
    if (changed.length === 0 || !isSettled) return { is: 'same' }
    const read = beginModuleRead()
    try {
      replaceDefinitions(project, await loadProject(project.path, read))
      delete project.unread
      loaded = read.files
      return { is: 'read', changed }
    } catch (error) {
      project.unread = true
      // What is wrong may be in a module that was not loaded before.
      loaded = new Map([...project.files, ...read.files])
      return { is: 'wrong', message: readErrorMessage(error) }
    } finally {
      // Each as it was before it was read: what has changed since is read again.
      const watched = [...fingerprints(project, loaded.keys())]
      known = new Map(watched.map(([file, print]) => [file, now.get(file) ?? loaded.get(file) ?? print]))
      seen = known
    }
  }
}

/** In place, as home, API and schedules hold it. Its storage stays: the state belongs to it. */
function replaceDefinitions(project: Project, fresh: Project): void {
  replaceAll(project.tasks, fresh.tasks)
  replaceAll(project.pipelines, fresh.pipelines)
  Object.assign(project.limits, fresh.limits)
  const { pools, environments, modules, files, broken, patterns } = fresh
  Object.assign(project, { pools, environments, modules, files, broken, patterns })
}

function replaceAll<V>(old: Map<string, V>, fresh: ReadonlyMap<string, V>): void {
  old.clear()
  for (const [name, value] of fresh) old.set(name, value)
}

/** What tells that a file has changed, by its path: of the config, of what its patterns match, and of more. */
function fingerprints({ folder, path, patterns }: Project, more: Iterable<string>): Map<string, string> {
  const matched = patterns.flatMap((pattern) => listPatternFiles(pattern, folder))
  const files = [path, ...more, ...matched]
  return new Map(files.map((each) => [each, makeFileFingerprint(each)]))
}

/** The files that were changed, added or removed. */
const differences = (before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): string[] =>
  [...new Set([...before.keys(), ...now.keys()])].filter((path) => before.get(path) !== now.get(path))
