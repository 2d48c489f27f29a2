import { z } from 'zod'
import type { Control } from './control.ts'
import * as shape from './schemas.ts'

/** What an operation takes and returns; `input` is absent if it takes nothing. */
interface Operation {
  input?: z.ZodType
  output: z.ZodType
}

/** Every operation of {@link Control} that is a question with one answer: all but `follow` and `close`. */
export const OPERATIONS = {
  start: { input: z.union([shape.StartRequest, shape.PlanText]), output: shape.Started },
  changes: { input: shape.ChangesQuery, output: shape.Changes },
  plan: { input: shape.StartRequest, output: shape.PlanView },
  pipelines: { output: shape.PipelineList },
  intervals: { input: shape.IntervalQuery, output: shape.IntervalPage },
  runs: { input: shape.RunQuery, output: shape.RunPage },
  run: { input: shape.RunRef, output: shape.RunDetail },
  tasks: { input: shape.TaskQuery, output: shape.TaskPage },
  history: { input: shape.HistoryQuery, output: shape.History },
  graph: { input: shape.RunRef, output: shape.RunGraph },
  graphTasks: { input: shape.GraphTasksQuery, output: shape.GraphTasks },
  cone: { input: shape.ConeQuery, output: shape.Cone },
  timeline: { input: shape.TimelineQuery, output: shape.Timeline },
  logs: { input: shape.LogQuery, output: shape.LogPage },
  why: { input: shape.TaskRef, output: shape.Why },
  waits: { input: shape.RunRef, output: shape.Waits },
  budgets: { output: z.array(shape.Budget) },
  pools: { output: shape.Pools },
  limitUse: { input: shape.LimitQuery, output: shape.LimitUse },
  luigid: { output: shape.Luigid },
  luigidTasks: { input: shape.LuigidTaskQuery, output: shape.LuigidTaskPage },
  luigidTask: { input: shape.LuigidTaskRef, output: shape.LuigidTaskDetail },
  luigidWorkers: { input: shape.LuigidWorkerQuery, output: shape.LuigidWorkerPage },
  retry: { input: shape.RetryRequest, output: shape.Retried },
  cancel: { input: shape.RunRef, output: shape.Cancelled },
  mark: { input: shape.TaskRef, output: shape.MarkResult },
  selection: { input: shape.SelectionQuery, output: shape.SelectionView },
  retrySelected: { input: shape.SelectionAct, output: shape.Started },
  cancelSelected: { input: shape.SelectionAct, output: shape.TasksActed },
  markSelected: { input: shape.SelectionAct, output: z.union([shape.TasksActed, shape.Started]) },
  pause: { input: shape.PipelineRef, output: shape.Paused },
  resume: { input: shape.PipelineRef, output: shape.Paused },
  prune: { input: shape.PruneRequest, output: shape.PruneResult },
  openShell: { input: shape.ShellRequest, output: shape.OpenedShell },
  endShell: { input: shape.ShellRef, output: shape.EndedShell },
  secrets: { output: z.array(shape.Secret) },
  setSecret: { input: shape.SecretValue, output: shape.SecretName },
  removeSecret: { input: shape.SecretRef, output: shape.SecretName },
} as const satisfies Record<Exclude<keyof Control, 'isHosted' | 'follow' | 'close'>, Operation>
