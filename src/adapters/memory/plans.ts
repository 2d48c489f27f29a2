import { SluiceError } from '../../core/errors.ts'
import type { Plan } from '../../core/plan.ts'
import type { Plans } from '../../core/ports.ts'

/** Plans in one process's memory. */
export function memoryPlans(): Plans {
  const plans = new Map<string, Plan>()
  return {
    async save(run, plan) {
      if (!plans.has(run)) plans.set(run, structuredClone(plan))
    },
    header: async (run) => plans.get(run)?.header,
    async tasks(run, numbers) {
      return numbers.map((number) => {
        const task = plans.get(run)?.tasks[number]
        if (task === undefined) throw new SluiceError('internal', `no task ${number} in plan of ${run}`)
        return task
      })
    },
  }
}
