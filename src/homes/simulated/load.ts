import type { Pipeline } from '../../define/pipeline.ts'
import type { SimulateOptions, Simulation } from './simulation.ts'

/**
 * Runs the schedules of pipelines on a virtual clock, with the engine that runs them in earnest: planning, limits,
 * retries, catching up. Bodies are not run: each attempt takes its time and then ends as `fail` says; what succeeded is
 * complete from then on, external tasks always are. For a user's own tests: a month of schedules in about a second.
 * Rejects if a pipeline is wrong or has no schedule.
 */
export async function simulate(
  pipelines: Pipeline | readonly Pipeline[],
  options: SimulateOptions,
): Promise<Simulation> {
  // Every process that runs a body loads the library; the engine is not to cost it 80 ms.
  const { runSimulation } = await import('./simulate.ts')
  return runSimulation(pipelines, options)
}
