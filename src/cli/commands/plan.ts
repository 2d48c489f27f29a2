import type { PlanView, StartRequest } from '../../control/control.ts'
import type { Project } from '../../project/load-config.ts'
import { EXIT } from '../exit.ts'
import { openControl } from '../open-control.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { renderColumns } from '../render/text.ts'

/** Shows exactly what would run and what is complete, and why, without running anything. */
export async function showPlan(
  project: Project,
  request: Exclude<StartRequest, { plan: string }>,
  options: GlobalOptions,
): Promise<Result> {
  await using control = await openControl(options, project)
  const plan = await control.plan(request)
  for (const each of plan.missingSecrets) console.error(`warning: ${each}`)
  const exitCode = plan.tasks.some(({ verdict }) => verdict === 'fails') ? EXIT.failed : EXIT.done
  return { data: planLines(plan), text: planText(plan), exitCode }
}

/** The plan in the plan format, version 1: a header, then a line per task. */
function planLines({ plan, pipeline, root, tasks }: PlanView): unknown[] {
  return [{ plan, pipeline, root }, ...tasks.map(({ label: _, verdict: __, reason: ___, ...task }) => task)]
}

function planText({ tasks }: PlanView): string {
  const rows = tasks.map(({ verdict, label, reason }) => [verdict, label, reason])
  const complete = tasks.filter(({ verdict }) => verdict === 'complete').length
  const failing = tasks.filter(({ verdict }) => verdict === 'fails').length
  const toRun = tasks.length - complete - failing
  return [renderColumns(['', 'task', 'why'], rows), '', `${toRun} to run, ${complete} complete`].join('\n')
}
