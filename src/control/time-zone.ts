import type { Project } from '../project/load-config.ts'

/** The zone in which a pipeline's days and hours are; UTC if it has no schedule, or is no pipeline of the config. */
export const findTimeZone = (project: Project, pipeline: string): string =>
  project.pipelines.get(pipeline)?.schedule?.timeZone ?? 'UTC'
