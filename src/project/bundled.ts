import { type Limits, NO_LIMITS } from '../core/limits.ts'

/** A config as a module exports it, and the modules that it names, each loaded on its own. */
export interface ProjectModules {
  config(): Promise<{ default?: unknown }>
  modules: { path: string; load(): Promise<Record<string, unknown>> }[]
  /** Patterns of the config that matched nothing. */
  missing: string[]
}

// Bundling for AWS replaces this module: in a checkout, and in the package, nothing is part of a bundle.

/** The project that is part of a bundle. */
export const bundled: ProjectModules | undefined = undefined

/** The limits of its config, for functions that decide without user code. */
export const bundledLimits: Limits = NO_LIMITS

/** How the containers of a pool are launched: how many at most, and whether on spare capacity first. */
export interface BundledContainers {
  [pool: string]: { most: number; spot: boolean }
}

/** Its pools of containers. */
export const bundledContainers: BundledContainers = {}
