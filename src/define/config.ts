import { isPipeline, type Pipeline } from './pipeline.ts'

/** Where pipelines live. */
export interface Environment {
  /** Folder of the targets, relative to the config. */
  storage: string
}

/** What `sluice.config.ts` exports. */
export interface Config {
  /**
   * Pipelines, or paths and globs (relative to the config) of modules that export them. A module that does not
   * load stops only its own pipelines.
   */
  pipelines: (Pipeline | string)[]
  /** `dev` is this machine. @default { dev: { storage: 'data' } } */
  environments?: { [name: string]: Environment }
}

/** Types the config; it is checked when the command loads it. */
export function defineConfig(config: Config): Config {
  return config
}

/** Everything that is wrong with what a config module exports, a sentence each. */
export function configProblems(config: unknown): string[] {
  if (typeof config !== 'object' || config === null)
    return ['it has no default export; write `export default defineConfig({ pipelines: [ … ] })`']
  const { pipelines, environments = {}, ...rest } = config as Partial<Config>
  const problems = Object.keys(rest).map(
    (name) => `there is no setting ${name}; there are pipelines and environments`,
  )
  if (!Array.isArray(pipelines)) problems.push('pipelines must be an array')
  else
    pipelines.forEach((each, index) => {
      if (typeof each !== 'string' && !isPipeline(each))
        problems.push(`pipelines[${index}] must be pipeline(…) or the path of a module`)
    })
  for (const [name, environment] of Object.entries(environments))
    if (typeof environment?.storage !== 'string' || environment.storage === '')
      problems.push(`environments.${name}.storage must be the path of a folder`)
  return problems
}
