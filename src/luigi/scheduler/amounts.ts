import type { LuigiTask, Resources } from './task.ts'

/** A resource of which no total is known has this one. */
const DEFAULT_TOTAL = 1

/** How much there is of a resource. */
export const findTotal = (totals: Resources, name: string): number =>
  Object.hasOwn(totals, name) ? (totals[name] ?? 0) : DEFAULT_TOTAL

/** Amounts of resources that add up. */
export class Amounts {
  readonly #taken = new Map<string, number>()

  take(resources: Resources | null): void {
    for (const [name, amount] of Object.entries(resources ?? {}))
      this.#taken.set(name, this.taken(name) + amount)
  }

  taken(name: string): number {
    return this.#taken.get(name) ?? 0
  }

  /** Whether these amounts fit beside what is taken. */
  hasRoomFor(resources: Resources, totals: Resources): boolean {
    return Object.entries(resources).every(
      ([name, amount]) => amount + this.taken(name) <= findTotal(totals, name),
    )
  }
}

/** What these tasks take by running. */
export function sumRunningAmounts(tasks: Iterable<LuigiTask>): Amounts {
  const amounts = new Amounts()
  for (const { resourcesRunning } of tasks) amounts.take(resourcesRunning)
  return amounts
}
