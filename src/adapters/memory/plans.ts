import { MissingTaskError, type Plan, type PlannedTask } from '../../core/plan.ts'
import type { Plans } from '../../core/ports/deciding.ts'

/** Plans in one process's memory. */
export function makeMemoryPlans(): Plans {
  const plans = new Map<string, Plan>()
  const added = new Map<string, PlannedTask>()
  return {
    async save(run, plan) {
      if (plans.has(run)) return false
      plans.set(run, structuredClone(plan))
      return true
    },
    header: async (run) => plans.get(run)?.header,
    async tasks(run, numbers) {
      return numbers.map((number) => {
        const task = plans.get(run)?.tasks[number] ?? added.get(`${run}/${number}`)
        if (task === undefined) throw new MissingTaskError(run, number)
        return task
      })
    },
    async extend(run, _base, tasks) {
      for (const task of tasks) {
        const key = `${run}/${task.number}`
        if (!added.has(key)) added.set(key, structuredClone(task))
      }
    },
    async remove(run) {
      for (const name of plans.keys()) if (name === run || name.startsWith(`${run}~`)) plans.delete(name)
      for (const name of added.keys()) if (name.startsWith(`${run}/`)) added.delete(name)
    },
  }
}
