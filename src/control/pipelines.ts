import { relative } from 'node:path'
import { makeScheduleIntervals } from '../core/calendar.ts'
import { readErrorMessage } from '../core/errors.ts'
import { toFlagName } from '../define/flags.ts'
import { describeFieldSchema, findParameterKind, isSignificantField } from '../define/params.ts'
import type { Pipeline } from '../define/pipeline.ts'
import type { Schedule } from '../define/schedule.ts'
import { readSchedule } from '../engine/schedules.ts'
import type { Project } from '../project/load-config.ts'
import type { PipelineList } from './control.ts'
import type { Home } from './home.ts'
import { findStartProblem } from './requests.ts'

type PipelineShape = PipelineList['pipelines'][number]

/** Pipelines with their parameters and schedules, and modules of which something cannot be used. */
export async function readPipelines(project: Project, home: Home | undefined): Promise<PipelineList> {
  const pipelines = await Promise.all(
    [...project.pipelines.values()].map((pipeline) => viewPipeline(project, pipeline, home)),
  )
  return { pipelines, broken: project.broken }
}

async function viewPipeline(
  project: Project,
  pipeline: Pipeline,
  home: Home | undefined,
): Promise<PipelineShape> {
  const { name, root, description } = pipeline
  return {
    name,
    root: root.family,
    description: description ?? null,
    source: findSource(project, root.family),
    params: Object.entries(root.fields).map(([param, field]) => ({
      name: param,
      flag: `--${toFlagName(param)}`,
      kind: findParameterKind(field),
      required: !field.safeParse(undefined).success,
      significant: isSignificantField(field),
      schema: describeFieldSchema(field),
    })),
    schedule: await viewSchedule(pipeline, home),
  }
}

/** The module of a project that has added a family. */
function findSource({ folder, modules }: Project, family: string): string | null {
  const path = modules.find(({ families }) => families.includes(family))?.path
  return path === undefined ? null : relative(folder, path)
}

async function viewSchedule(pipeline: Pipeline, home: Home | undefined): Promise<PipelineShape['schedule']> {
  const { name, schedule } = pipeline
  if (schedule === undefined) return null
  const record = home && (await readSchedule(home.context, name))
  const unopened = record?.open.filter(({ run }) => run === undefined) ?? []
  const { cron, timeZone } = schedule
  return {
    cron,
    timeZone,
    paused: record?.paused ?? true,
    ...findNextFiring(pipeline, schedule, home?.context.ports.clock.now() ?? Date.now()),
    open: record?.open.length ?? 0,
    failing: unopened.filter(({ retryAt }) => retryAt !== undefined).length,
    givenUp: unopened.filter(({ failures, retryAt }) => failures > 0 && !retryAt).length,
  }
}

/** When it fires next, and why its next run could not start; one bad schedule does not hide the others. */
function findNextFiring(
  pipeline: Pipeline,
  schedule: Schedule,
  now: number,
): { nextAt: number | null; problem: string | null } {
  try {
    const intervals = makeScheduleIntervals(schedule)
    const { end } = intervals.after(intervals.endedBefore(now))
    return { nextAt: end, problem: findStartProblem(pipeline, now) ?? null }
  } catch (error) {
    return { nextAt: null, problem: readErrorMessage(error) }
  }
}
