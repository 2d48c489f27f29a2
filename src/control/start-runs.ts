import { SluiceError } from '../core/errors.ts'
import { readGivenParameters } from '../define/given-params.ts'
import type { Pipeline } from '../define/pipeline.ts'
import { readPlanText } from '../planning/plan-from-file.ts'
import type { Project } from '../project/load-config.ts'
import type { Control, Started, StartRequest } from './control.ts'
import { resumeRun } from './follow-runs.ts'
import type { Home } from './home.ts'
import { type ControlParts, checkRequestShape, type OpenOrder, type OpenRun } from './parts.ts'
import { viewPlan } from './plan-view.ts'
import {
  findRequestRoot,
  forceRequest,
  joinOrStartRun,
  makeCheckedRequest,
  makeIntervalRequest,
  makePlanRequest,
  type PlannableRequest,
  type Root,
} from './requests.ts'
import { PlanText, StartRequest as StartSchema } from './schemas.ts'

/** Plans a request and opens its run in this process; a run that is joined goes on at once. */
export const openRunHere: OpenRun = async (home, asked) => {
  const started = await joinOrStartRun(home, asked)
  if (started === undefined) return { status: 'complete', task: asked.label }
  if (!started.opened) await resumeRun(home, started.run)
  return started
}

/** Opens or joins the run of a request in the name of who asks now. */
export async function openRunAsAsked(
  { findActor, openRun = openRunHere }: ControlParts,
  home: Home,
  asked: PlannableRequest,
  order: OpenOrder,
): Promise<Started> {
  const by = findActor()
  const request = { ...asked.request, ...(by === undefined ? {} : { by }) }
  return openRun(home, { ...asked, request }, order)
}

/** Operations that plan and open runs. */
export function makeStartOperations(parts: ControlParts): Pick<Control, 'start' | 'plan'> {
  const { state, project } = parts
  return {
    async start(request) {
      const { asked, order } = readStartRequest(project, request)
      return openRunAsAsked(parts, await state.open(), asked, order)
    },
    async plan(request) {
      const { asked } = readStartRequest(project, request)
      return viewPlan(await state.open(), asked)
    },
  }
}

/** Checks a request against the project; throws what is wrong with it. */
function readStartRequest(
  project: Project,
  given: StartRequest,
): { asked: PlannableRequest; order: OpenOrder } {
  if ('plan' in given) {
    const { plan, folder } = checkRequestShape(PlanText, given)
    return { asked: makePlanRequest(readPlanText(plan, folder)), order: {} }
  }
  const { name, params: values, texts = {}, force, interval } = checkRequestShape(StartSchema, given)
  const { pipeline, ...root } = findRequestRoot(project, name)
  const params = { ...values, ...readTexts({ ...root, pipeline }, values, texts) }
  const asked =
    interval === undefined || pipeline === undefined
      ? makeCheckedRequest(root, params)
      : makeIntervalRequest(pipeline, interval, params)
  const order: OpenOrder = {
    ...(pipeline === undefined ? {} : { pipeline: pipeline.name }),
    ...(force === undefined ? {} : { force }),
    ...(interval === undefined ? {} : { interval }),
  }
  return { asked: force === undefined ? asked : forceRequest(asked, force), order }
}

/** Parameters that were given as texts, read as the command reads them. */
function readTexts(
  { definition: { fields }, pipeline }: Pick<Root, 'definition'> & { pipeline: Pipeline | undefined },
  values: object,
  texts: { [name: string]: string },
): Record<string, unknown> {
  const twice = Object.keys(texts).find((name) => Object.hasOwn(values, name))
  if (twice !== undefined)
    throw new SluiceError('invalid_parameter', `The parameter ${twice} is in params and in texts.`, {
      hint: 'Give it once.',
    })
  const pairs = Object.entries(texts).map(([name, text]) => `${name}=${text}`)
  return readGivenParameters(fields, {}, pairs, pipeline?.schedule?.timeZone ?? 'UTC')
}
