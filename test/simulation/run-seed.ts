import type { Features } from './features.ts'
import { simulate } from './simulate.ts'

/** What is wrong with a seed, or undefined, and its steps. */
interface Run {
  problem: string | undefined
  trace: string[]
}

/** Runs a seed once. */
export async function runOnce(seed: number): Promise<Run> {
  const { violations, trace } = await simulate(seed)
  return { problem: violations[0], trace }
}

/** Runs a seed twice; another step the second time is wrong as well. */
export async function runSeed(seed: number, features?: Features): Promise<Run> {
  const first = await simulate(seed, undefined, features)
  const { trace } = first
  if (first.violations.length > 0) return { problem: first.violations[0], trace }
  const second = await simulate(seed, undefined, features)
  const differs = trace.findIndex((step, index) => second.trace[index] !== step)
  const isSame = differs < 0 && second.trace.length === trace.length
  return { problem: isSame ? undefined : `takes another step ${differs} the second time`, trace }
}
