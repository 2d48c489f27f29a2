import {
  countRegisteredTasks,
  listRegisteredTasks,
  type RegisteredTask,
  type TaskDefinition,
} from '../define/task.ts'
import { isOfPackage, type ModuleRead } from './module-reads.ts'

/**
 * Collects the families that one loading of a project defines: each call returns those since the call before, in order. Without a
 * reading, as in a bundle, all of this process are the project's.
 */
export function followOwnFamilies(read: ModuleRead | undefined): () => TaskDefinition[] {
  let seen = read === undefined ? 0 : countRegisteredTasks()
  // Packages are loaded once for all: what one has defined for another project is this one's as well if it imports the package.
  let ofPackages = read === undefined ? [] : listRegisteredTasks(0, seen).filter(isDefinedByPackage)

  return () => {
    const fresh = listRegisteredTasks(seen)
    seen += fresh.length
    if (read === undefined) return fresh.map(({ definition }) => definition)
    const own = fresh.filter(({ module }) => !isOfPackage(module) && read.hasLoadedFile(module))
    ofPackages = [...ofPackages, ...fresh.filter(isDefinedByPackage)]
    if (ofPackages.length > 0) {
      const isImported = read.makePackageCheck()
      own.unshift(...ofPackages.filter(({ module }) => isImported(module)))
      ofPackages = ofPackages.filter(({ module }) => !isImported(module))
    }
    return own.map(({ definition }) => definition)
  }
}

const isDefinedByPackage = ({ module }: RegisteredTask) => isOfPackage(module)
