import { mustHave } from '../core/must-have.ts'
import type { Plan, PlannedTask } from '../core/plan.ts'
import { refuseOtherMakers } from '../planning/output-problems.ts'
import { findMissingSecrets } from '../planning/plan-secrets.ts'
import type { PlanView } from './control.ts'
import type { Home } from './home.ts'
import type { PlannableRequest } from './requests.ts'

/** What would run for a request and what is complete, and why. */
export async function viewPlan(home: Home, asked: PlannableRequest): Promise<PlanView> {
  const plan = await asked.plan(home)
  await refuseOtherMakers(home.definitions, plan)
  const isForced = asked.request.forced !== undefined
  const [missing, there, unproven] = await Promise.all([
    findMissingSecrets(plan, home.secrets),
    isForced ? findThere(home, plan) : new Set<PlannedTask>(),
    findUnprovenOfPlan(home, plan),
  ])
  const { header, tasks } = plan
  const real = tasks.filter((task) => !task.join)
  const labels = Map.groupBy(real, (task) => task.label)
  // Long parameters are cut in labels, and ids have to be unique.
  const nameOf = (task: PlannedTask) => (labels.get(task.label)?.length === 1 ? task.label : task.id)
  return {
    plan: 1,
    pipeline: header.name,
    root: nameOf(mustHave(tasks[header.root], 'root')),
    tasks: real.map((task) => ({
      task: nameOf(task),
      family: task.family,
      params: task.params,
      ...(task.upstreams.length === 0 ? {} : { requires: listRealUpstreams(task, tasks).map(nameOf) }),
      ...(task.outputs.length === 1 ? { output: task.outputs[0] } : {}),
      ...(task.complete ? { complete: true } : {}),
      label: task.label,
      verdict: decideVerdict(task),
      reason:
        unproven.has(task.id) && !task.failure
          ? describeUnproven(task)
          : describeVerdict(task, there.has(task)),
    })),
    missingSecrets: missing,
  }
}

/** Tasks of a forced plan that run though their targets are there. */
async function findThere(home: Home, { tasks }: Plan): Promise<Set<PlannedTask>> {
  const toRun = tasks.filter((task) => !task.join && !task.complete && !task.failure)
  const answers = await home.definitions.completeness.areComplete(toRun)
  return new Set(toRun.filter((_, index) => answers[index]))
}

/** Ids of tasks that run because no attempt has succeeded since the last one began. */
async function findUnprovenOfPlan({ surroundings }: Home, { tasks }: Plan): Promise<ReadonlySet<string>> {
  const toRun = tasks.filter((task) => !task.complete && task.outputs.length > 0)
  return (await surroundings.findUnproven?.(toRun)) ?? new Set()
}

function listRealUpstreams(task: PlannedTask, tasks: PlannedTask[]): PlannedTask[] {
  return task.upstreams.flatMap((number) => {
    const upstream = mustHave(tasks[number], `task ${number}`)
    return upstream.join ? listRealUpstreams(upstream, tasks) : [upstream]
  })
}

function decideVerdict(task: PlannedTask): PlanView['tasks'][number]['verdict'] {
  if (task.failure) return 'fails'
  if (task.complete) return 'complete'
  return task.policy.external ? 'awaited' : 'run'
}

const describeUnproven = ({ outputs }: PlannedTask) =>
  `missing or not whole, its last attempt did not succeed: ${outputs.join(', ')}`

/** What planning has asked a task of Luigi itself. */
const describeAnswer = ({ complete, policy }: PlannedTask): string =>
  complete ? 'its complete() is true' : policy.external ? 'not there yet' : 'its complete() is false'

function describeVerdict(task: PlannedTask, isThere: boolean): string {
  if (task.failure) return task.failure.message
  if (task.command?.luigi?.plans) return 'the code of the tasks is asked in its image, when the run has begun'
  if (task.command?.luigi) return describeAnswer(task)
  const what = task.outputs.length === 0 ? 'its marker' : task.outputs.join(', ')
  if (isThere) return `forced, made again: ${what}`
  return `${task.complete ? 'there' : 'missing'}: ${what}`
}
