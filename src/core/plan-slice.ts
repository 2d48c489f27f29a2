import type { PlannedTask, Policy } from './plan.ts'

/** A slice of a plan as it is kept: most of its tasks have one policy, which is written once. */
interface KeptSlice {
  policies: Policy[]
  tasks: (Omit<PlannedTask, 'policy'> & { policy: number })[]
}

/** A slice of a plan as JSON. */
export function serializePlanSlice(tasks: PlannedTask[]): string {
  const numbers = new Map<Policy, number>()
  const kept = tasks.map((task) => {
    const number = numbers.get(task.policy) ?? numbers.size
    numbers.set(task.policy, number)
    return { ...task, policy: number }
  })
  return JSON.stringify({ policies: [...numbers.keys()], tasks: kept } satisfies KeptSlice)
}

/** The tasks of a slice; one that was written before policies were shared is an array with each task whole. */
export function parsePlanSlice(text: string): PlannedTask[] {
  const kept: KeptSlice | PlannedTask[] = JSON.parse(text)
  if (Array.isArray(kept)) return kept
  const { policies, tasks } = kept
  // In place: a plan of a million tasks is read twice as fast as with a copy of each.
  return tasks.map((task) => Object.assign(task, { policy: policies[task.policy] as Policy }))
}
