import type { Reservation } from '../core/ports/working.ts'
import type { Budget } from '../define/body.ts'
import { makeOverBudgetSignal, makeThrottledSignal } from './signals.ts'

/** What budgets are spent through. */
export interface BudgetHooks {
  reserve(name: string, amount: number): Promise<Reservation | undefined>
  block(name: string, until: number): Promise<void>
}

interface Account {
  reservation: Reservation
  spent: number
  isUsed: boolean
}

/** The budgets of one attempt, and what it spent of each that it used. */
export function makeAttemptBudgets(reservations: { [name: string]: Reservation }, hooks: BudgetHooks) {
  const reserved = Object.entries(reservations)
  if (reserved.length === 0) return { budgets: {}, spent: () => ({}) }
  const accounts = new Map(
    reserved.map(([name, reservation]): [string, Account] => [
      name,
      { reservation, spent: 0, isUsed: false },
    ]),
  )
  const budgets = Object.fromEntries(
    [...accounts].map(([name, account]) => [name, new AttemptBudget(name, account, hooks)]),
  )
  const spent = () =>
    Object.fromEntries(
      [...accounts].filter(([, { isUsed }]) => isUsed).map(([name, account]) => [name, account.spent]),
    )
  return { budgets, spent }
}

/** A budget as a body has it; the calls are fields, so that a body may take one out of it. */
class AttemptBudget implements Budget {
  readonly #name: string
  readonly #account: Account
  readonly #hooks: BudgetHooks

  constructor(name: string, account: Account, hooks: BudgetHooks) {
    this.#name = name
    this.#account = account
    this.#hooks = hooks
  }

  readonly spend = async (amount = 1): Promise<void> => {
    const [name, account] = [this.#name, this.#account]
    if (!Number.isInteger(amount) || amount < 0)
      throw new TypeError(`budgets.${name}.spend(${amount}): it takes a whole number of 0 or more`)
    account.isUsed = true
    // A reservation ends with its window.
    if (Date.now() >= account.reservation.endsAt) {
      account.reservation = { amount: 0, endsAt: Number.POSITIVE_INFINITY }
      account.spent = 0
    }
    const missing = account.spent + amount - account.reservation.amount
    if (missing > 0) account.reservation = await reserveMissingAmount(name, missing, amount, this.#hooks)
    account.spent += amount
  }

  // Of the class: one that is written in an object literal stays in memory (see `SIGNAL` of `execute.ts`).
  get left(): number {
    return Math.max(0, this.#account.reservation.amount - this.#account.spent)
  }

  readonly throttled = async (retryAfter: string | number | null = null): Promise<never> => {
    const until = toRetryInstant(retryAfter)
    await this.#hooks.block(this.#name, until)
    throw makeThrottledSignal(this.#name, until)
  }
}

async function reserveMissingAmount(
  name: string,
  missing: number,
  amount: number,
  hooks: BudgetHooks,
): Promise<Reservation> {
  const reservation = await hooks.reserve(name, missing)
  if (reservation === undefined) throw makeOverBudgetSignal(name, amount)
  return reservation
}

const DEFAULT_WAIT_MS = 60_000
const MAX_WAIT_MS = 31 * 24 * 60 * 60_000

/** `Retry-After` is seconds or a date (RFC 9110, 10.2.3); one that is empty, zero or past says nothing. */
function toRetryInstant(retryAfter: string | number | null): number {
  const now = Date.now()
  const seconds = retryAfter === null || retryAfter === '' ? Number.NaN : Number(retryAfter)
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(String(retryAfter)) - now
  return now + (ms > 0 ? Math.min(ms, MAX_WAIT_MS) : DEFAULT_WAIT_MS)
}
