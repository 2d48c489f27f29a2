import type { Failure, formatHolderName } from './task-run.ts'

/** One task id across all runs: who runs it, how it last ended. */
export interface Lock {
  kind: 'lock'
  taskId: string
  /** `run/number/attempt` of the attempt that holds it. */
  holder?: string
  /** When an attempt last ended, by the steady clock, however it ended: since then the target may be there. */
  lastEndAt?: number
  /** A failed attempt's back-off holds for every run; by the steady clock. */
  backoffUntil?: number
  /** A final failure that those who wait adopt; cleared by the next claim. */
  failure?: Failure
  /** An attempt has begun since the last success: what it may have left in its targets proves nothing. */
  unproven?: true
  /** Hashes of the targets that other tasks make now, separated by spaces: no attempt that makes one of them begins. */
  lost?: string
  /** Ids of tasks that made its targets before, separated by spaces: no attempt begins while one of theirs runs. */
  after?: string
  /** Task runs wait: there are wait items under {@link keys.wait}. */
  waiting?: true
}

/** A task run that waits for a lock or a limit. */
export interface WaitItem {
  kind: 'wait'
  run: string
  number: number
  /** Tells this wait from a later one of the same task run. */
  nonce: string
  /** How much of a limit it waits for. */
  weight?: number
}

/** What an attempt holds of a limit; `until`: kept for it only so long, by the steady clock, until it is claimed. */
export interface Holding {
  weight: number
  until?: number
}

/** One budget's calendar window. */
export interface Window {
  per: BudgetPeriod
  timeZone: string
  startsAt: number
  endsAt: number
  /** What attempts that have ended used up in this window. */
  spent: number
}

/** The calendar windows of budgets. */
export type BudgetPeriod = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year'

/** The places of a pool, the slots of a resource, or the ledger of a budget: every holder is named. */
export interface Limit {
  kind: 'limit'
  of: 'pool' | 'resource' | 'budget'
  name: string
  limit: number
  /** What is held, by {@link formatHolderName}. */
  holders: { [holder: string]: Holding }
  /** Counts what came back: each change of it makes the feed look at the waiters. */
  freed: number
  /** Task runs wait: there are wait items under {@link keys.wait}. */
  waiting?: true
  /** When the tick has to look at this record, by the steady clock. */
  dueAt?: number
  /** Only budgets. */
  window?: Window
  /** The outside service has asked for no requests until then. */
  blockedUntil?: number
}
