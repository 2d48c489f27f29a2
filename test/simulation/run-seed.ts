import { simulate } from './simulate.ts'

/** Runs a seed twice; what is wrong with it, or undefined. */
export async function runSeed(seed: number): Promise<{ problem: string | undefined; trace: string[] }> {
  const first = await simulate(seed)
  const { trace } = first
  if (first.violations.length > 0) return { problem: first.violations[0], trace }
  const second = await simulate(seed)
  const differs = trace.findIndex((step, index) => second.trace[index] !== step)
  const isSame = differs < 0 && second.trace.length === trace.length
  return { problem: isSame ? undefined : `takes another step ${differs} the second time`, trace }
}
