import { readErrorMessage } from '../core/errors.ts'
import { forgetRegisteredTasks } from '../define/task.ts'
import { forgetLoadedModules, listLoadedFiles, makeFileFingerprint } from './fresh-modules.ts'
import { listPatternFiles, loadProject, type Project } from './load-config.ts'

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
  let known: ReadonlyMap<string, string> = new Map(listLoadedFiles())
  let seen = known

  return async () => {
    const now = fingerprints(project)
    // A file that is being written is read when it has been the same for two looks.
    const isSettled = differences(seen, now).length === 0
    seen = now
    const changed = differences(known, now)
    if (changed.length === 0 || !isSettled) return { is: 'same' }
    forgetLoadedModules()
    try {
      await readDefinitions(project)
      delete project.unread
      return { is: 'read', changed }
    } catch (error) {
      project.unread = true
      return { is: 'wrong', message: readErrorMessage(error) }
    } finally {
      // Modules that were not loaded before may be among them now.
      known = new Map([...fingerprints(project), ...now])
      seen = known
    }
  }
}

/** The modules of packages stay loaded, so what they define stays defined. */
const isOfPackage = (module: string) => module.includes('/node_modules/')

async function readDefinitions(project: Project): Promise<void> {
  const bringBack = forgetRegisteredTasks(isOfPackage)
  try {
    replaceDefinitions(project, await loadProject(project.path))
  } catch (error) {
    bringBack()
    throw error
  }
}

/** In place, as home, API and schedules hold it. Its storage stays: the state belongs to it. */
function replaceDefinitions(project: Project, fresh: Project): void {
  replaceAll(project.tasks, fresh.tasks)
  replaceAll(project.pipelines, fresh.pipelines)
  Object.assign(project.limits, fresh.limits)
  const { pools, environments, modules, broken, patterns } = fresh
  Object.assign(project, { pools, environments, modules, broken, patterns })
}

function replaceAll<V>(old: Map<string, V>, fresh: ReadonlyMap<string, V>): void {
  old.clear()
  for (const [name, value] of fresh) old.set(name, value)
}

/** What tells that a file has changed, by its path. */
function fingerprints({ folder, path, patterns }: Project): Map<string, string> {
  const matched = patterns.flatMap((pattern) => listPatternFiles(pattern, folder))
  const files = [path, ...listLoadedFiles().keys(), ...matched]
  return new Map(files.map((each) => [each, makeFileFingerprint(each)]))
}

/** The files that were changed, added or removed. */
const differences = (before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): string[] =>
  [...new Set([...before.keys(), ...now.keys()])].filter((path) => before.get(path) !== now.get(path))
