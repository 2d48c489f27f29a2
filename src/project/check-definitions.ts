import { findLimitProblems, type Limits } from '../core/limits.ts'
import { groupByRepeatedKey } from '../core/repeated.ts'
import { findApplicationProblems } from '../define/emr.ts'
import { findSecretArguments } from '../define/image.ts'
import type { Pipeline } from '../define/pipeline.ts'
import type { TaskDefinition } from '../define/task.ts'
import { findBuildFolderProblems, getFamilyImage } from './check-images.ts'

/** Something that a module of the project exports or defines. */
export interface ModuleItem<T> {
  of: T
  /** The module. */
  path: string
}

/** A module of which something cannot be used; everything else can. */
export interface BrokenModule {
  path: string
  message: string
  /** It did load, but this definition in it is wrong. */
  isWrong?: true
}

/** What is wrong with a module, for people. */
export const describeBrokenModule = ({ path, message, isWrong }: BrokenModule): string =>
  isWrong ? `${path}: ${message}` : `${path} did not load: ${message}`

/**
 * Finds what is wrong with definitions, each with its module. Pipelines that are wrong are left out; a wrong family is
 * marked, so that its tasks fail while they are planned, and with them only what depends on them. Without the limits
 * nothing is said of what tasks ask for, nor of the applications of EMR that they name; without the project's folder, nothing of
 * the folders that images are built from.
 */
export function findWrongDefinitions(
  pipelines: ModuleItem<Pipeline>[],
  tasks: ModuleItem<TaskDefinition>[],
  limits: Limits | undefined,
  { applications = [], folder }: { applications?: readonly string[]; folder?: string } = {},
): { pipelines: Map<string, Pipeline>; wrong: BrokenModule[] } {
  const wrong: BrokenModule[] = []
  const sameTask = sharedNames('tasks', tasks, ({ family }) => family)
  for (const { of, path } of tasks) {
    const problems = [
      ...of.problems,
      ...(limits === undefined
        ? []
        : [...findLimitExcess(of, limits), ...findForeignApplication(of, applications)]),
      ...(folder === undefined ? [] : findBuildFolderProblems(of, folder)),
      ...(sameTask.get(of.family) ?? []),
    ]
    of.wrong = problems
    for (const message of problems) wrong.push({ path, message, isWrong: true })
  }
  const samePipeline = sharedNames('pipelines', pipelines, ({ name }) => name)
  const usable = new Map<string, Pipeline>()
  for (const { of, path } of pipelines) {
    const problems = [...of.problems, ...(samePipeline.get(of.name) ?? [])]
    for (const message of problems) wrong.push({ path, message, isWrong: true })
    if (problems.length === 0) usable.set(of.name, of)
  }
  return { pipelines: usable, wrong }
}

/** Families know the folder of their project, from which the paths in them are seen. */
export function placeFamilies(
  families: ModuleItem<TaskDefinition>[],
  folder: string,
): ModuleItem<TaskDefinition>[] {
  for (const { of } of families) of.folder = folder
  return families
}

/** What is likely to be a mistake and stops nothing, each with its module. */
export const findDoubtfulDefinitions = (tasks: ModuleItem<TaskDefinition>[]): BrokenModule[] =>
  tasks.flatMap(({ of, path }) =>
    findSecretArguments(getFamilyImage(of)).map((message) => ({
      path,
      message: `task ${JSON.stringify(of.family)}: ${message}`,
      isWrong: true,
    })),
  )

const findLimitExcess = ({ family, policy }: TaskDefinition, limits: Limits) =>
  findLimitProblems(policy, limits).map((problem) => `task ${JSON.stringify(family)}: ${problem}`)

const findForeignApplication = ({ family, emr }: TaskDefinition, applications: readonly string[]) =>
  findApplicationProblems(emr?.application, applications).map(
    (problem) => `task ${JSON.stringify(family)}: ${problem}`,
  )

/** By each name that several have, what is to be told of it. */
function sharedNames<T>(
  kind: string,
  all: ModuleItem<T>[],
  nameOf: (of: T) => string,
): Map<string, string[]> {
  return new Map(
    groupByRepeatedKey(all, ({ of }) => nameOf(of)).map(([name, group]) => {
      const places = [...new Set(group.map(({ path }) => path))].join(' and ')
      return [name, [`${group.length} ${kind} are called ${name}, in ${places}; names are unique`]]
    }),
  )
}
