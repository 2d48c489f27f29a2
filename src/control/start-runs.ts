import { readPlanText } from '../planning/plan-from-file.ts'
import type { Project } from '../project/load-config.ts'
import type { Control, StartRequest } from './control.ts'
import { resumeRun } from './follow-runs.ts'
import { type ControlParts, checkShape, type OpenOrder, type OpenRun } from './parts.ts'
import { viewPlan } from './plan-view.ts'
import {
  type Asked,
  findRoot,
  forced,
  requestFor,
  requestForInterval,
  requestForPlan,
  startRun,
} from './requests.ts'
import { PlanText, StartRequest as StartSchema } from './schemas.ts'

/** Plans a request and opens its run in this process; a run that is joined goes on at once. */
export const openHere: OpenRun = async (home, asked) => {
  const started = await startRun(home, asked)
  if (started === undefined) return { status: 'complete', task: asked.label }
  if (!started.opened) await resumeRun(home, started.run)
  return started
}

/** Operations that plan and open runs. */
export function startingRuns({
  state,
  project,
  openRun = openHere,
}: ControlParts): Pick<Control, 'start' | 'plan'> {
  return {
    async start(request) {
      const { asked, order } = readRequest(project, request)
      return openRun(await state.open(), asked, order)
    },
    async plan(request) {
      const { asked } = readRequest(project, request)
      return viewPlan(await state.open(), asked)
    },
  }
}

/** Checks a request against the project; throws what is wrong with it. */
function readRequest(project: Project, given: StartRequest): { asked: Asked; order: OpenOrder } {
  if ('plan' in given) {
    const { plan, folder } = checkShape(PlanText, given)
    return { asked: requestForPlan(readPlanText(plan, folder)), order: {} }
  }
  const { name, params, force, interval } = checkShape(StartSchema, given)
  const { pipeline, ...root } = findRoot(project, name)
  const asked =
    interval === undefined || pipeline === undefined
      ? requestFor(root, params)
      : requestForInterval(pipeline, interval, params)
  const order: OpenOrder = {
    ...(pipeline === undefined ? {} : { pipeline: pipeline.name }),
    ...(force === undefined ? {} : { force }),
    ...(interval === undefined ? {} : { interval }),
  }
  return { asked: force === undefined ? asked : forced(asked, force), order }
}
