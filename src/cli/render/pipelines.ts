import type { PipelineList } from '../../control/control.ts'
import { renderColumns } from './text.ts'

type PipelineShape = PipelineList['pipelines'][number]

/** Pipelines, a row each. */
export function renderPipelineTable(pipelines: PipelineShape[]): string {
  const rows = pipelines.map(({ name, root, params, description, schedule }) => [
    name,
    root,
    params.map((each) => (each.required ? each.flag : `[${each.flag}]`)).join(' '),
    schedule === null ? '' : scheduleText(schedule),
    description ?? '',
  ])
  return renderColumns(['pipeline', 'root', 'parameters', 'schedule', ''], rows)
}

function scheduleText(schedule: NonNullable<PipelineShape['schedule']>): string {
  const { cron, timeZone, paused, failing, givenUp, problem } = schedule
  const notes = [
    ...(paused ? ['paused'] : []),
    ...(problem === null ? [] : [`its runs cannot start: ${problem}`]),
    ...(failing > 0 ? [`${failing} intervals have failed and are tried again`] : []),
    ...(givenUp > 0 ? [`${givenUp} intervals failed for good`] : []),
  ]
  return `${cron} ${timeZone}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`
}
