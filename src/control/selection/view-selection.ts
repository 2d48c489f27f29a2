import type { SelectionView } from '../control.ts'
import { readRunTable } from '../run-table.ts'
import { listAffected } from './affected.ts'
import type { Selection } from './language.ts'
import { type SelectedRun, selectAllTasks } from './select-tasks.ts'

const MAX_FAMILIES = 100

/** What a selection has in a run, and how many of its tasks each act would affect: no task is read for that. */
export async function viewSelection(selected: SelectedRun, selection: Selection): Promise<SelectionView> {
  const { home, run } = selected
  const numbers = await selectAllTasks(selected, selection)
  const table = await readRunTable(home, run)
  const counts: SelectionView['counts'] = {}
  const families = new Map<number, number>()
  for (const number of numbers) {
    const status = table.status[number] ?? 'pending'
    counts[status] = (counts[status] ?? 0) + 1
    const family = table.familyOf[number] ?? -1
    families.set(family, (families.get(family) ?? 0) + 1)
  }
  const sorted = [...families].sort(([, a], [, b]) => b - a)
  const countAffected = (act: 'retry' | 'cancel' | 'mark') => listAffected(act, run, table, numbers).length
  return {
    run: run.id,
    selected: numbers.length,
    all: table.numbers.length,
    counts,
    families: sorted
      .slice(0, MAX_FAMILIES)
      .map(([family, tasks]) => ({ family: table.families[family] ?? '', tasks })),
    moreFamilies: Math.max(0, sorted.length - MAX_FAMILIES),
    affected: { retry: countAffected('retry'), cancel: countAffected('cancel'), mark: countAffected('mark') },
  }
}
