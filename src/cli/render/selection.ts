import type { SelectionView, TasksActed } from '../../control/control.ts'
import { escapeControlCharacters } from '../../core/identity.ts'

/** Acts on selected tasks. */
export type ActName = 'retry' | 'cancel' | 'mark'

const WOULD = { retry: 'would run again', cancel: 'would be cancelled', mark: 'would count as succeeded' }
const DID = { retry: 'Started', cancel: 'Cancelled', mark: 'Marked' }
/** More runs are counted. */
const SHOWN = 20

const countTasks = (count: number) => `${count} ${count === 1 ? 'task' : 'tasks'}`

/** What an act would affect, run by run. */
export function renderPreview(act: ActName, where: string, views: SelectionView[]): string {
  const with_ = views.filter(({ selected }) => selected > 0)
  const affected = with_.reduce((sum, view) => sum + view.affected[act], 0)
  const lines = with_.slice(0, SHOWN).map((view) => describeView(act, view))
  const more = with_.length > SHOWN ? [`… and ${with_.length - SHOWN} runs more`] : []
  const runs = with_.length === 1 ? '' : ` in ${with_.length} runs`
  const shown = escapeControlCharacters(where)
  if (with_.length === 0) return `No task is selected by ${shown}.`
  return [...lines, ...more, `${countTasks(affected)}${runs} ${WOULD[act]}.`].join('\n')
}

function describeView(act: ActName, { run, selected, all, counts, affected }: SelectionView): string {
  const statuses = Object.entries(counts).map(([status, count]) => `${count} ${status}`)
  const other = affected[act] === selected ? '' : `; ${affected[act]} of them ${WOULD[act]}`
  return `${run}: ${selected} of ${countTasks(all)} selected: ${statuses.join(', ')}${other}`
}

/** What an act has affected, run by run. */
export function renderActed(act: ActName, acted: TasksActed[]): string {
  const lines = acted
    .slice(0, SHOWN)
    .map(({ run, affected, left }) =>
      [
        `${DID[act]} ${countTasks(affected)} of ${run}.`,
        ...(left > 0 ? [`${countTasks(left)} could not be yet: give the same command again.`] : []),
      ].join(' '),
    )
  const more = acted.length > SHOWN ? [`… and of ${acted.length - SHOWN} runs more.`] : []
  const stops = act === 'cancel' ? ['What still runs is told to stop with its next heartbeat.'] : []
  return [...lines, ...more, ...stops].join('\n')
}
