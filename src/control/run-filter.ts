import { SluiceError } from '../core/errors.ts'
import type { Run } from '../core/records/run.ts'
import type { RunStatus } from '../core/records/status.ts'
import { suggestName } from '../define/suggestion.ts'

/** Which runs are wanted; what is absent does not matter. */
export interface RunFilter {
  /** A pipeline, or the family if a task was asked for. */
  pipeline?: string | undefined
  statuses?: readonly RunStatus[] | undefined
  /** Started at or after this instant. */
  since?: number | undefined
  /** Started before this instant. */
  until?: number | undefined
}

/** Every status of a run. */
export const RUN_STATUSES = [
  'planning',
  'running',
  'succeeded',
  'failed',
  'cancelled',
] as const satisfies readonly RunStatus[]

/** The runs that are wanted, in their order. Throws if no run has ever been of the pipeline. */
export function filterRuns<R extends Run>(runs: readonly R[], filter: RunFilter): R[] {
  const { pipeline, statuses, since = 0, until = Number.POSITIVE_INFINITY } = filter
  const ofPipeline = pipeline === undefined ? runs : runs.filter(({ name }) => name === pipeline)
  if (pipeline !== undefined && runs.length > 0 && ofPipeline.length === 0)
    throw makeUnknownPipelineError(pipeline, runs)
  return ofPipeline.filter(
    ({ status, createdAt }) =>
      (statuses?.includes(status) ?? true) && createdAt >= since && createdAt < until,
  )
}

function makeUnknownPipelineError(pipeline: string, runs: readonly Run[]): SluiceError {
  const names = [...new Set(runs.map(({ name }) => name))]
  return new SluiceError('unknown_name', `There is no run of ${pipeline}.${suggestName(pipeline, names)}`, {
    hint: `There are runs of: ${names.slice(0, 20).join(', ')}${names.length > 20 ? ', …' : ''}.`,
  })
}
