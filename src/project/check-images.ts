import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { findStageProblem } from '../core/dockerfile.ts'
import type { BuiltImage } from '../define/image.ts'
import type { TaskDefinition } from '../define/task.ts'
import { findBundledProject } from './bundled.ts'

/** The image of a family: of its container, of its tasks of Luigi, or of the container that stands for its job on one machine. */
export function getFamilyImage({ container, luigi, emr }: TaskDefinition): string | BuiltImage | undefined {
  if (container !== undefined) return container.image
  if (luigi !== undefined) return luigi === 'by-params' ? undefined : luigi.image
  const local = emr?.local
  return typeof local === 'object' && 'image' in local ? local.image : undefined
}

/**
 * What is missing of the folder from which the image of a family is built, a sentence each. `folder` is the project's. What a
 * branch, tag or commit holds is looked at when it is built.
 */
export function findBuildFolderProblems(definition: TaskDefinition, folder: string): string[] {
  const image = getFamilyImage(definition)
  // In a bundle no folder of the project is there.
  if (typeof image !== 'object' || typeof image.folder !== 'string' || findBundledProject() !== undefined)
    return []
  const { folder: shown, dockerfile = 'Dockerfile', target, ref } = image
  const path = resolve(folder, shown)
  const label = `task ${JSON.stringify(definition.family)}`
  if (!existsSync(path)) return [`${label}: there is no folder ${path} to build an image from`]
  if (!statSync(path).isDirectory()) return [`${label}: ${path} is no folder to build an image from`]
  if (ref !== undefined) return []
  if (!existsSync(join(path, dockerfile))) return [`${label}: there is no ${dockerfile} in ${path}`]
  const problem = findStageProblem(
    readFileSync(join(path, dockerfile), 'utf8'),
    target,
    `${dockerfile} in ${path}`,
  )
  return problem === undefined ? [] : [`${label}: ${problem}`]
}
