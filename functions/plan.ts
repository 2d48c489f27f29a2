import type { Build } from '../src/homes/aws/build.ts'
import { readPartSettings } from '../src/homes/aws/environment.ts'
import { makeLazyExecutions } from '../src/homes/aws/executions.ts'
import { makePlanHandler, PLAN_EVENT } from '../src/homes/aws/handlers/plan.ts'
import { openDeployedHome } from '../src/homes/aws/home.ts'
import { BUNDLED_CONFIG, type BundledSettings } from '../src/project/bundled.ts'
import { loadProject } from '../src/project/load-config.ts'

/** Started by a state machine with its token: opens, plans or joins the run of the execution's input. */
export async function start(build: Build, { programs }: BundledSettings) {
  const told = readPartSettings('plan')
  const project = await loadProject(BUNDLED_CONFIG)
  const executions = makeLazyExecutions(build)
  return async (event: unknown): Promise<void> => {
    const { execution } = PLAN_EVENT.parse(event)
    const worker = `plan/${execution}`
    // A planner of the same execution was tried before this one, and has ended: its state machine waits for one alone.
    const home = openDeployedHome(told, {
      build,
      worker,
      project,
      limits: project.limits,
      programs,
      isGone: async (other) => other === worker,
    })
    await makePlanHandler(home, project, executions)(event)
  }
}
