import type { z } from 'zod'
import type { Home } from '../../../control/home.ts'
import { makeSelectionRequest, repeatRequest } from '../../../control/repeat-requests.ts'
import {
  findRequestRoot,
  forceRequest,
  makeCheckedRequest,
  makeIntervalRequest,
  makeRequest,
  type PlannableRequest,
} from '../../../control/requests.ts'
import { SluiceError } from '../../../core/errors.ts'
import type { Params } from '../../../core/json.ts'
import { keys } from '../../../core/keys.ts'
import type { Run } from '../../../core/records/run.ts'
import type { Project } from '../../../project/load-config.ts'
import type { ORDER } from './start-run.ts'

/** What a deployment is asked to start: a pipeline or task family by name, parameters, and what is special about it. */
export interface StartOrder {
  name: string
  params: Params
  order: z.output<typeof ORDER>
}

/** Checks what is asked for against the project; throws what is wrong with it. `pipeline` is absent for a task family. */
export async function readStartOrder(
  home: Home,
  project: Project,
  { name, params, order }: StartOrder,
): Promise<{ asked: PlannableRequest; pipeline?: string }> {
  if (order.again !== undefined) return readAgain(home, project, order.again)
  const { pipeline, ...root } = findRequestRoot(project, name)
  const asked = order.parsed
    ? withInterval(makeRequest(root, params), order.interval)
    : order.interval === undefined || pipeline === undefined
      ? makeCheckedRequest(root, params)
      : makeIntervalRequest(pipeline, order.interval, params)
  const wanted = order.force === undefined ? asked : forceRequest(asked, order.force)
  return { asked: wanted, ...(pipeline === undefined ? {} : { pipeline: pipeline.name }) }
}

const withInterval = (asked: PlannableRequest, interval: Run['interval']): PlannableRequest =>
  interval === undefined ? asked : { ...asked, request: { ...asked.request, interval } }

async function readAgain(
  home: Home,
  project: Project,
  { run: id, task, where, done }: NonNullable<StartOrder['order']['again']>,
): Promise<{ asked: PlannableRequest; pipeline?: string }> {
  const { store, plans } = home.context.ports
  const [run] = await store.read([keys.run(id)])
  if (run === undefined) throw new SluiceError('unknown_run', `No run is called ${id}.`)
  if (where !== undefined) return { asked: makeSelectionRequest(project, run.name, { run: id, where }) }
  const [planned] = task === undefined ? [] : await plans.tasks(id, [task])
  const asked = repeatRequest(project, run, planned, done)
  const isPipeline = task === undefined && project.pipelines.has(run.name)
  return { asked, ...(isPipeline ? { pipeline: run.name } : {}) }
}
