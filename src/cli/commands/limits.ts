import type { Project } from '../../project/load-config.ts'
import { openControl } from '../open-control.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { renderBudgetTable, renderPoolTables } from '../render/limits.ts'

/** Shows what is spent and left of every budget, and until when. */
export async function listBudgets(project: Project, options: GlobalOptions): Promise<Result> {
  await using control = await openControl(options, project)
  const budgets = await control.budgets()
  return { data: budgets, text: renderBudgetTable(budgets) }
}

/** Shows every pool and resource; as data a line for each. */
export async function listPools(project: Project, options: GlobalOptions): Promise<Result> {
  await using control = await openControl(options, project)
  const found = await control.pools()
  return { data: [...found.pools, ...found.resources], text: renderPoolTables(found) }
}
