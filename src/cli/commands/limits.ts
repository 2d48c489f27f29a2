import type { Project } from '../../project/load-config.ts'
import { withControl } from '../open-control.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { budgetTable, poolTables } from '../render/limits.ts'

/** Shows what is spent and left of every budget, and until when. */
export function listBudgets(project: Project, options: GlobalOptions): Promise<Result> {
  return withControl(options, project, async (control) => {
    const budgets = await control.budgets()
    return { data: budgets, text: budgetTable(budgets) }
  })
}

/** Shows every pool and resource; as data a line for each. */
export function listPools(project: Project, options: GlobalOptions): Promise<Result> {
  return withControl(options, project, async (control) => {
    const found = await control.pools()
    return { data: [...found.pools, ...found.resources], text: poolTables(found) }
  })
}
