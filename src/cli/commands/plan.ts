import type { Home } from '../../control/home.ts'
import type { Asked } from '../../control/requests.ts'
import type { Plan, PlannedTask } from '../../core/plan.ts'
import { missingSecrets } from '../../planning/plan-secrets.ts'
import type { Project } from '../../project/load-config.ts'
import { withHome } from '../homes.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { columns } from '../render/text.ts'

/** Shows exactly what would run and what is complete, and why, without running anything. */
export async function planRequest(project: Project, asked: Asked, options: GlobalOptions): Promise<Result> {
  return withHome(options, project, async (home) => {
    const plan = await asked.plan(home)
    if (options.env === undefined)
      for (const each of await missingSecrets(plan, home.secrets)) console.error(`warning: ${each}`)
    const there = asked.request.forced === undefined ? new Set<PlannedTask>() : await thereAlready(home, plan)
    const unproven = await unprovenOf(home, plan)
    const exitCode = plan.tasks.some((task) => task.failure) ? 1 : 0
    return { data: planLines(plan), text: planText(plan, there, unproven), exitCode }
  })
}

/** Tasks of a forced plan that run though their targets are there. */
async function thereAlready(home: Home, { tasks }: Plan): Promise<Set<PlannedTask>> {
  const toRun = tasks.filter((task) => !task.join && !task.complete && !task.failure)
  const answers = await home.definitions.completeness.areComplete(toRun)
  return new Set(toRun.filter((_, index) => answers[index]))
}

/** Ids of tasks that run because no attempt has succeeded since the last one began. */
async function unprovenOf({ surroundings }: Home, { tasks }: Plan): Promise<ReadonlySet<string>> {
  const toRun = tasks.filter((task) => !task.complete && task.outputs.length > 0)
  return (await surroundings.findUnproven?.(toRun)) ?? new Set()
}

/** The plan in the plan format, version 1: a header, then a line per task. */
function planLines({ header, tasks }: Plan): unknown[] {
  const real = tasks.filter((task) => !task.join)
  const labels = Map.groupBy(real, (task) => task.label)
  // Long parameters are cut in labels, and ids have to be unique.
  const idOf = (task: PlannedTask) => (labels.get(task.label)?.length === 1 ? task.label : task.id)
  return [
    { plan: 1, pipeline: header.name, root: idOf(tasks[header.root] as PlannedTask) },
    ...real.map((task) => ({
      task: idOf(task),
      family: task.family,
      params: task.params,
      ...(task.upstreams.length === 0 ? {} : { requires: realUpstreams(task, tasks).map(idOf) }),
      ...(task.outputs.length === 1 ? { output: task.outputs[0] } : {}),
      ...(task.complete ? { complete: true } : {}),
    })),
  ]
}

function realUpstreams(task: PlannedTask, tasks: PlannedTask[]): PlannedTask[] {
  return task.upstreams.flatMap((number) => {
    const upstream = tasks[number] as PlannedTask
    return upstream.join ? realUpstreams(upstream, tasks) : [upstream]
  })
}

function planText({ tasks }: Plan, there: ReadonlySet<PlannedTask>, unproven: ReadonlySet<string>): string {
  const real = tasks.filter((task) => !task.join)
  const rows = real.map((task) => [
    verdict(task),
    task.label,
    unproven.has(task.id) && !task.failure ? unprovenReason(task) : reason(task, there.has(task)),
  ])
  const toRun = real.filter((task) => !task.complete && !task.failure).length
  const complete = real.filter((task) => task.complete).length
  return [columns(['', 'task', 'why'], rows), '', `${toRun} to run, ${complete} complete`].join('\n')
}

function verdict(task: PlannedTask): string {
  if (task.failure) return 'fails'
  if (task.complete) return 'complete'
  return task.policy.external ? 'awaited' : 'run'
}

const unprovenReason = ({ outputs }: PlannedTask) =>
  `missing or not whole, its last attempt did not succeed: ${outputs.join(', ')}`

function reason(task: PlannedTask, isThere: boolean): string {
  if (task.failure) return task.failure.message
  const what = task.outputs.length === 0 ? 'its marker' : task.outputs.join(', ')
  if (isThere) return `forced, made again: ${what}`
  return `${task.complete ? 'there' : 'missing'}: ${what}`
}
