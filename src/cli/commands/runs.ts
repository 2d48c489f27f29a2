import type { RunStatus } from '../../core/records/status.ts'
import { withControl } from '../open-control.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { readRuns } from '../read-pages.ts'
import { runTable } from '../render/run-table.ts'

/** Flags of `sluice runs`. */
export interface RunsOptions extends GlobalOptions {
  limit: number
  pipeline?: string
  status?: RunStatus[]
  failed?: true
  since?: number
  until?: number
}

/** Lists runs that are wanted, the newest first. */
export function listRuns(options: RunsOptions): Promise<Result> {
  const { pipeline, status, failed, since, until, limit } = options
  const statuses = failed ? ['failed' as const, ...(status ?? [])] : status
  return withControl(options, undefined, async (control) => {
    const page = await readRuns(control, { pipeline, statuses, since, until }, limit)
    return { data: page.runs, text: runTable(page) }
  })
}
