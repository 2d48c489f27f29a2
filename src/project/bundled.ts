import type { Limits } from '../core/limits.ts'
import type { PlannedTask } from '../core/plan.ts'
import type { OwnCluster } from '../core/program.ts'
import { ECS, EMR_SERVERLESS, EMR_STEP } from '../core/records/launch.ts'
import type { LuigiFamily } from '../define/luigi.ts'

/** A config as a module exports it, and the modules that it names, each loaded on its own. */
export interface ProjectModules {
  config(): Promise<{ default?: unknown }>
  modules: { path: string; load(): Promise<Record<string, unknown>> }[]
  /** Patterns of the config that matched nothing. */
  missing: string[]
}

/** How the containers of a pool are launched: how many at most, and whether on spare capacity first. */
export interface BundledContainers {
  [pool: string]: { most: number; spot: boolean }
}

/** How a program in a container is launched. */
export interface BundledProgram {
  pool: string
  /** Names its task definition within the pool. */
  id: string
  /** What its pool gives a task that says nothing itself. */
  cpu: number
  memoryMb: number
  /** On spare capacity first. */
  spot: boolean
}

/** How a job of EMR is launched. */
export interface BundledJob {
  pool: string
  /** Of EMR Serverless: a name of `emr` in the config, or an id. */
  application?: string
  /** Of a step: its cluster, as the launcher of steps knows it. */
  cluster?: string
  /** Of a step: ARN of the role that its program has. @default that of the cluster's machines */
  role?: string
  /** Of a step: the cluster that is made for it. */
  own?: OwnCluster
  /** Of a step: the log folder of its cluster. */
  logs?: string
  /** Names of the objects of its files, by their paths in the project. */
  files: { [path: string]: string }
}

/**
 * The programs of families that are containers or jobs. Of tasks of Luigi only the families are known that the config says something of: their
 * programs are named by {@link nameLuigiProgram}.
 */
export interface BundledPrograms {
  [family: string]: BundledProgram | BundledJob
}

/** Names the program of a family of Luigi's tasks, or without one that of all other families of a pipeline. */
export const nameLuigiProgram = (root: string, family = ''): string => `${root}/${family}`

/** The program of a planned task; undefined if the deployment has none. */
export function findBundledProgram(
  programs: BundledPrograms,
  { family, command }: Pick<PlannedTask, 'family' | 'command'>,
): BundledProgram | undefined {
  const { root, plans } = command?.luigi ?? {}
  const found =
    root === undefined || plans !== undefined
      ? programs[family]
      : (programs[nameLuigiProgram(root, family)] ?? programs[nameLuigiProgram(root)])
  return found !== undefined && 'id' in found ? found : undefined
}

/** The services that run what a deployment launches. */
export const listLaunchServices = (programs: BundledPrograms): Set<string> =>
  new Set(Object.values(programs).map((each) => ('id' in each ? ECS : getJobService(each))))

/** Those of them that run jobs of EMR. */
export const listJobServices = (programs: BundledPrograms): Set<string> =>
  listLaunchServices(programs).difference(new Set([ECS]))

/** The service that runs a job. */
export const getJobService = ({ cluster }: BundledJob): typeof EMR_SERVERLESS | typeof EMR_STEP =>
  cluster === undefined ? EMR_SERVERLESS : EMR_STEP

/** The job of a family; undefined if the deployment has none. */
export function findBundledJob(programs: BundledPrograms, family: string): BundledJob | undefined {
  const found = programs[family]
  return found !== undefined && 'files' in found ? found : undefined
}

/** What the entry of a bundle passes in that decides without user code. */
export interface BundledSettings {
  limits: Limits
  /** Its pools of containers. */
  containers: BundledContainers
  /** Its families that are containers or jobs. */
  programs: BundledPrograms
  /** How tasks of Luigi run, by the families of their pipelines. */
  luigiFamilies: { [root: string]: { [family: string]: LuigiFamily } }
}

/** The path of the config in a bundle. No such file is there. */
export const BUNDLED_CONFIG = 'sluice.config'

let bundled: ProjectModules | undefined

/** Called by the entry of a bundle, before anything loads a project: the only project is the one in the bundle. */
export function setBundledProject(modules: ProjectModules): void {
  bundled = modules
}

/** The project that is part of this bundle; undefined in a checkout and in the package. */
export const findBundledProject = (): ProjectModules | undefined => bundled
