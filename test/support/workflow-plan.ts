import { readFileSync } from 'node:fs'

interface Workflow {
  workflow: {
    specification: { tasks: { id: string; parents: string[] }[] }
    execution: { tasks: { id: string; runtimeInSeconds: number }[] }
  }
}

/** A task of a converted workflow. */
export interface WorkflowTask {
  task: string
  requires: string[]
}

/**
 * A workflow execution in WfFormat 1.5 as a plan: each task sleeps its runtime × 0.001, notes its start and end in a
 * file of the plan's folder, and writes one file.
 */
export function workflowPlan(path: string): { tasks: WorkflowTask[]; plan: string } {
  const { workflow } = JSON.parse(readFileSync(path, 'utf8')) as Workflow
  const seconds = new Map(workflow.execution.tasks.map((each) => [each.id, each.runtimeInSeconds / 1000]))
  const tasks = workflow.specification.tasks.map(({ id, parents }) => ({ task: id, requires: parents }))
  const script =
    'echo "start $SLUICE_TASK" >> log; sleep "$0"; echo "end $SLUICE_TASK" >> log; echo done > "$SLUICE_OUTPUT"'
  const lines = tasks.map(({ task, requires }) => ({
    task,
    requires,
    command: ['sh', '-c', script, String(seconds.get(task) ?? 0)],
    output: `out/${task}.txt`,
  }))
  const header = { plan: 1, pipeline: 'workflow' }
  return { tasks, plan: [header, ...lines].map((each) => JSON.stringify(each)).join('\n') }
}
