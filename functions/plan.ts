import { SFNClient } from '@aws-sdk/client-sfn'
import { makeExecutions } from '../src/adapters/states/executions.ts'
import { readPartSettings } from '../src/homes/aws/environment.ts'
import { makePlanHandler, PLAN_EVENT } from '../src/homes/aws/handlers/plan.ts'
import { openDeployedHome } from '../src/homes/aws/home.ts'
import { PATIENT } from '../src/homes/aws/patience.ts'
import { loadProject } from '../src/project/load-config.ts'

const told = readPartSettings('plan')
const project = await loadProject('sluice.config')
const executions = makeExecutions(new SFNClient(PATIENT))

/** Started by a state machine with its token: opens, plans or joins the run of the execution's input. */
export const handler = async (event: unknown): Promise<void> => {
  const { execution } = PLAN_EVENT.parse(event)
  const worker = `plan/${execution}`
  // A planner of the same execution was tried before this one, and has ended: its state machine waits for one alone.
  const home = openDeployedHome(told, {
    worker,
    project,
    limits: project.limits,
    isGone: async (other) => other === worker,
  })
  await makePlanHandler(home, project, executions)(event)
}
