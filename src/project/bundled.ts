import type { Limits } from '../core/limits.ts'

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

/** How the program of each family that is a container is launched. */
export interface BundledPrograms {
  [family: string]: {
    pool: string
    /** Names its task definition within the pool. */
    id: string
    /** What its pool gives a task that says nothing itself. */
    cpu: number
    memoryMb: number
    /** On spare capacity first. */
    spot: boolean
  }
}

/** What the entry of a bundle passes in that decides without user code. */
export interface BundledSettings {
  limits: Limits
  /** Its pools of containers. */
  containers: BundledContainers
  /** Its families that are containers. */
  programs: BundledPrograms
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
