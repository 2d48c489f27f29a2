import type { RunStatus } from '../../core/records/status.ts'
import { openControl } from '../open-control.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { readNewestRuns } from '../read-pages.ts'
import { renderRunTable } from '../render/run-table.ts'

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
export async function listRuns(options: RunsOptions): Promise<Result> {
  const { pipeline, status, failed, since, until, limit } = options
  const statuses = failed ? ['failed' as const, ...(status ?? [])] : status
  await using control = await openControl(options, undefined)
  const page = await readNewestRuns(control, { pipeline, statuses, since, until }, limit)
  return { data: page.runs, text: renderRunTable(page) }
}
