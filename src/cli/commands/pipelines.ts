import type { Home } from '../../control/home.ts'
import { scheduleProblem } from '../../control/requests.ts'
import { intervalsOf } from '../../core/calendar.ts'
import { messageOf } from '../../core/errors.ts'
import { flagOf } from '../../define/flags.ts'
import { isSignificant, kindOf } from '../../define/params.ts'
import type { Pipeline } from '../../define/pipeline.ts'
import type { Schedule } from '../../define/schedule.ts'
import { readSchedule } from '../../engine/schedules.ts'
import { brokenText } from '../../project/check-definitions.ts'
import type { Project } from '../../project/load-config.ts'
import { EXIT } from '../exit.ts'
import { existingHome } from '../homes.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { columns } from '../render/text.ts'

/** Every pipeline with its parameters and where its schedule stands. */
export async function describePipelines(project: Project, home: Home | undefined) {
  return Promise.all(
    [...project.pipelines.values()].map(async (pipeline) => ({
      ...describe(pipeline),
      schedule: await scheduleOf(pipeline, home),
    })),
  )
}

async function scheduleOf(pipeline: Pipeline, home: Home | undefined) {
  const { name, schedule } = pipeline
  if (schedule === undefined) return null
  const record = home && (await readSchedule(home.context, name))
  const { cron, timeZone } = schedule
  return {
    cron,
    timeZone,
    paused: record?.paused ?? true,
    ...whenOf(pipeline),
    open: record?.open.length ?? 0,
    failing: record?.open.filter((each) => each.run === undefined && each.retryAt !== undefined).length ?? 0,
    givenUp:
      record?.open.filter((each) => each.run === undefined && each.failures > 0 && !each.retryAt).length ?? 0,
  }
}

/** When it fires next, and why its next run could not start; one bad schedule does not hide the others. */
function whenOf(pipeline: Pipeline): { nextAt: number | null; problem: string | null } {
  try {
    const intervals = intervalsOf(pipeline.schedule as Schedule)
    const { end } = intervals.after(intervals.endedBefore(Date.now()))
    return { nextAt: end, problem: scheduleProblem(pipeline, Date.now()) ?? null }
  } catch (error) {
    return { nextAt: null, problem: messageOf(error) }
  }
}

function describe({ name, root, description }: Pipeline) {
  return {
    name,
    root: root.family,
    description: description ?? null,
    params: Object.entries(root.fields).map(([param, field]) => ({
      name: param,
      flag: `--${flagOf(param)}`,
      kind: kindOf(field),
      required: !field.safeParse(undefined).success,
      significant: isSignificant(field),
    })),
  }
}

function scheduleText({
  cron,
  timeZone,
  paused,
  failing,
  givenUp,
  problem,
}: NonNullable<Awaited<ReturnType<typeof scheduleOf>>>) {
  const notes = [
    ...(paused ? ['paused'] : []),
    ...(problem === null ? [] : [`its runs cannot start: ${problem}`]),
    ...(failing > 0 ? [`${failing} intervals have failed and are tried again`] : []),
    ...(givenUp > 0 ? [`${givenUp} intervals failed for good`] : []),
  ]
  return `${cron} ${timeZone}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`
}

/** Lists pipelines with their parameters and schedules, and modules that did not load; as data a line for each. */
export async function listPipelines(project: Project, options: GlobalOptions): Promise<Result> {
  const home = await existingHome(options)
  const pipelines = await describePipelines(project, home).finally(() => home?.close())
  const rows = pipelines.map(({ name, root, params, description, schedule }) => [
    name,
    root,
    params.map((each) => (each.required ? each.flag : `[${each.flag}]`)).join(' '),
    schedule === null ? '' : scheduleText(schedule),
    description ?? '',
  ])
  const broken = project.broken.map(brokenText)
  const table = columns(['pipeline', 'root', 'parameters', 'schedule', ''], rows)
  const data = [
    ...pipelines.map((each) => ({ pipeline: each.name, ...each })),
    ...project.broken.map(({ path, message }) => ({ module: path, message })),
  ]
  const exitCode = pipelines.length === 0 && broken.length > 0 ? EXIT.usage : EXIT.done
  for (const each of broken) console.error(`warning: ${each}`)
  return { data, text: table, exitCode }
}
