import { z } from 'zod'
import type { TaskName } from '../core/ports/working.ts'
import { insignificant } from './params.ts'
import { makeTaskPolicy } from './policy.ts'
import type { TaskDefinition } from './task.ts'

/** Everything that the command line says of a run of Luigi tasks; the record of the run keeps it, so that it can be retried. */
const FIELDS = {
  module: z.string(),
  /** The family of the root task. */
  task: z.string(),
  /** Parameters of the root task as text, also those that have defaults. */
  params: z.record(z.string(), z.string()),
  /** The flags of the command line; those with the name of another task count for that task. Absent: there was none. */
  flags: z.array(z.string()).optional(),
  python: insignificant(z.string()),
  image: insignificant(z.string().optional()),
  /** Absolute paths of folders by their paths in the containers. */
  mounts: insignificant(z.record(z.string(), z.string()).optional()),
  /** Absolute path; with an image, a path in it. */
  config: insignificant(z.string().optional()),
  /** Where modules are looked for. */
  folder: insignificant(z.string()),
  jobs: insignificant(z.number().optional()),
  checkSeconds: insignificant(z.number().optional()),
  /** The family of the config that says how tasks run, for a single task of its pipeline. */
  origin: insignificant(z.string().optional()),
}

/** What {@link LUIGI_COMMAND} is called with. */
export type LuigiCommandParams = z.output<z.ZodObject<typeof FIELDS>>

/** Parses the parameters that a run of {@link LUIGI_COMMAND} has kept. */
export const parseLuigiCommandParams = (params: unknown): LuigiCommandParams => z.object(FIELDS).parse(params)

/** The root of runs that `sluice luigi` starts: no config defines it, and its parameters say which tasks of Luigi are meant. */
export const LUIGI_COMMAND: TaskDefinition = {
  family: 'luigi',
  fields: FIELDS,
  luigi: 'by-params',
  policy: makeTaskPolicy({}, undefined),
  problems: [],
}

/** The parameters of the root task, if a run is one of {@link LUIGI_COMMAND}: people know it by these. */
export function findLuigiRootParams({ family, params }: TaskName): { [name: string]: string } | undefined {
  // A config may define a family of this name.
  const parsed = family === LUIGI_COMMAND.family ? z.object(FIELDS).safeParse(params) : undefined
  return parsed?.data?.params
}

/** Runs are named by their root task; 50 characters as for all names. */
export const nameLuigiRun = (family: string): string => family.replace(/[^A-Za-z0-9_]+/g, '-').slice(0, 50)
