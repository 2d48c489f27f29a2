/** When a person is told what is waited for, and when it is given up. */
interface Patience {
  sayMs: number
  limitMs: number
}

/** A module, or a look at targets, takes a second; one that has not come after a minute waits for something. */
const PATIENCE: Patience = { sayMs: 10_000, limitMs: 60_000 }

/** What this process waits for of the user's code. */
const waits = new Set<() => string>()

/** What is waited for now, as a person calls it. */
export const listOpenWaits = (): string[] => [...waits].map((what) => what())

/**
 * Waits for the user's code: says on standard error what it waits for after 10 seconds, and rejects after a minute. Its
 * timers keep no process alive: if nothing else does either, the command tells {@link listOpenWaits}.
 */
export async function waitForUserCode<T>(
  what: () => string,
  promise: Promise<T>,
  { sayMs, limitMs }: Patience = PATIENCE,
): Promise<T> {
  const given = Promise.withResolvers<never>()
  const say = setTimeout(
    () => console.error(`still waiting for ${what()} (${sayMs / 1000} s)`),
    sayMs,
  ).unref()
  const end = setTimeout(
    () => given.reject(new Error(`waited ${limitMs / 1000} s for ${what()}`)),
    limitMs,
  ).unref()
  waits.add(what)
  try {
    return await Promise.race([promise, given.promise])
  } finally {
    waits.delete(what)
    clearTimeout(say)
    clearTimeout(end)
  }
}
