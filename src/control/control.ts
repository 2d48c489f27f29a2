import type { z } from 'zod'
import type * as shape from './schemas.ts'

/** A run as lists have it. */
export type RunShape = z.output<typeof shape.Run>
/** Who acted. */
export type ActorShape = z.output<typeof shape.Actor>
/** A run in full, without its tasks. */
export type RunDetail = z.output<typeof shape.RunDetail>
/** A page of runs. */
export type RunPage = z.output<typeof shape.RunPage>
/** A task of a run. */
export type TaskShape = z.output<typeof shape.Task>
/** A page of tasks. */
export type TaskPage = z.output<typeof shape.TaskPage>
/** Why a task does not run now. */
export type Why = z.output<typeof shape.Why>
/** One reason that a task does not run now. */
export type ReasonShape = z.output<typeof shape.Reason>
/** What the tasks of a run wait for. */
export type Waits = z.output<typeof shape.Waits>
/** The graph of a run, folded by family. */
export type RunGraph = z.output<typeof shape.RunGraph>
/** A window of the tasks of a graph. */
export type GraphTasks = z.output<typeof shape.GraphTasks>
/** What a task needs and what needs it. */
export type Cone = z.output<typeof shape.Cone>
/** Tasks that ran within a span of time. */
export type Timeline = z.output<typeof shape.Timeline>
/** The last runs of a pipeline with their families. */
export type History = z.output<typeof shape.History>
/** Lines of a run's attempts. */
export type LogPage = z.output<typeof shape.LogPage>
/** What has to be made complete: a pipeline or task by name, or a plan from elsewhere. */
export type StartRequest = z.input<typeof shape.StartRequest> | z.input<typeof shape.PlanText>
/** The run that was opened or joined, or that everything is complete. */
export type Started = z.output<typeof shape.Started>
/** What became of a retry. */
export type Retried = z.output<typeof shape.Retried>
/** What became of a cancellation. */
export type Cancelled = z.output<typeof shape.Cancelled>
/** What became of a mark. */
export type MarkResult = z.output<typeof shape.MarkResult>
/** What a selection has in a run. */
export type SelectionView = z.output<typeof shape.SelectionView>
/** How far an act on many tasks has come. */
export type TasksActed = z.output<typeof shape.TasksActed>
/** What was forgotten. */
export type PruneResult = z.output<typeof shape.PruneResult>
/** What happens in a run that is followed. */
export type RunEvent = z.output<typeof shape.RunEvent>
/** How following runs ended. */
export type FollowEnd = Extract<RunEvent, { event: 'end' }>['end']
/** What has happened in runs. */
export type Changes = z.output<typeof shape.Changes>
/** What would run, and why. */
export type PlanView = z.output<typeof shape.PlanView>
/** Pipelines, and modules of which something cannot be used. */
export type PipelineList = z.output<typeof shape.PipelineList>
/** Intervals of a range. */
export type IntervalPage = z.output<typeof shape.IntervalPage>
/** What is spent and left of a budget. */
export type BudgetShape = z.output<typeof shape.Budget>
/** Pools and resources. */
export type Pools = z.output<typeof shape.Pools>
/** Who holds a limit, and who waits for it. */
export type LimitUse = z.output<typeof shape.LimitUse>
/** Luigi's central scheduler of a state. */
export type Luigid = z.output<typeof shape.Luigid>
/** A task of Luigi's scheduler. */
export type LuigidTask = z.output<typeof shape.LuigidTask>
/** A page of tasks of Luigi's scheduler. */
export type LuigidTaskPage = z.output<typeof shape.LuigidTaskPage>
/** A task of Luigi's scheduler in full. */
export type LuigidTaskDetail = z.output<typeof shape.LuigidTaskDetail>
/** A worker of Luigi. */
export type LuigidWorker = z.output<typeof shape.LuigidWorker>
/** A page of workers of Luigi. */
export type LuigidWorkerPage = z.output<typeof shape.LuigidWorkerPage>
/** A shell of a deployment that starts. */
export type OpenedShell = z.output<typeof shape.OpenedShell>
/** A secret, without its value. */
export type SecretShape = z.output<typeof shape.Secret>

/** Which runs are followed, and how. */
export interface Follow {
  /** Ids of runs. An iterable is asked for its next run only when there is a place for it. */
  runs: Iterable<string> | AsyncIterable<string>
  /**
   * How many are followed at once, beside those that only wait for targets that others make.
   * @default all
   */
  maxActive?: number
  /**
   * Ends when nothing could start for so long, in milliseconds.
   * @default 60,000 if following itself runs the bodies; else never
   */
  waitMs?: number
  /** How many bodies run at once, if following itself runs them. @default the processors of this machine */
  concurrency?: number
  /** Adds an event with the counts of each run, every now and then. */
  counts?: boolean
  /** Aborted to stop: bodies that this process runs may finish, and everything else goes on or can be followed again. */
  signal?: AbortSignal
}

/**
 * What can be asked of Sluice, wherever it runs: on this machine over a state, or over HTTP. Each operation takes and
 * returns plain data, described in `schemas.ts`. Every operation throws a {@link SluiceError} with code, message and
 * hint for what was wrong, also over HTTP. No operation but `plan` reads a run whole to answer with a page.
 */
export interface Control {
  /**
   * Whether an engine works on runs by itself, as in a deployment and in `sluice dev`. Otherwise runs move only while
   * they are followed.
   */
  readonly isHosted: boolean

  /** Opens the run of a request, or joins the open one; without a run if everything is complete. */
  start(request: StartRequest): Promise<Started>
  /**
   * Tells what happens in runs until all have ended, nothing can start for too long, or it is stopped; `end` is the last
   * event. If no engine works by itself, following runs the bodies.
   */
  follow(query: Follow): AsyncIterable<RunEvent>
  /** What has happened in runs since the answer before: following by asking, for callers that keep no connection. */
  changes(query: z.input<typeof shape.ChangesQuery>): Promise<Changes>
  /** What would run and what is complete, and why; starts nothing. */
  plan(request: z.input<typeof shape.StartRequest>): Promise<PlanView>

  /** Pipelines with their parameters and schedules, and modules that did not load. */
  pipelines(): Promise<PipelineList>
  /** Intervals of a schedule in a range, and which are complete or have an open run. Throws if one has not ended yet. */
  intervals(query: z.input<typeof shape.IntervalQuery>): Promise<IntervalPage>
  /** The last runs of a pipeline with the tasks of each family by status, the newest first. */
  history(query: z.input<typeof shape.HistoryQuery>): Promise<History>
  /** Runs that a filter finds, the newest first. */
  runs(query?: z.input<typeof shape.RunQuery>): Promise<RunPage>
  /** A run with the counts of its tasks. */
  run(query: z.input<typeof shape.RunRef>): Promise<RunDetail>
  /** Tasks of a run that a filter finds, by number. Throws if the named task is not in the run. */
  tasks(query: z.input<typeof shape.TaskQuery>): Promise<TaskPage>
  /** The graph of a run, with one node for each family and its tasks counted by status. */
  graph(query: z.input<typeof shape.RunRef>): Promise<RunGraph>
  /** A window of the tasks of a run, or of one of its families, with the edges between them. */
  graphTasks(query: z.input<typeof shape.GraphTasksQuery>): Promise<GraphTasks>
  /** A task with the nearest of what it needs and of what needs it. */
  cone(query: z.input<typeof shape.ConeQuery>): Promise<Cone>
  /** Tasks that ran within a span of time, by their start. */
  timeline(query: z.input<typeof shape.TimelineQuery>): Promise<Timeline>
  /** Lines that attempts of a run wrote, and the error that ended each. */
  logs(query: z.input<typeof shape.LogQuery>): Promise<LogPage>
  /** Why a task does not run now: all hindrances, by the rules that decide. */
  why(query: z.input<typeof shape.TaskRef>): Promise<Why>
  /** Why the tasks of a run do not run that do not only wait for others of the run; 20 of them at most. */
  waits(query: z.input<typeof shape.RunRef>): Promise<Waits>
  /** What is spent and left of every budget. */
  budgets(): Promise<BudgetShape[]>
  /** Every pool and resource: its size, what runs in it and what waits for it. */
  pools(): Promise<Pools>
  /** Which tasks hold a pool, resource or budget, and which wait for it. */
  limitUse(query: z.input<typeof shape.LimitQuery>): Promise<LimitUse>

  /** Luigi's central scheduler of this state, `sluice luigid`: its tasks by status and its resources. */
  luigid(): Promise<Luigid>
  /** Tasks of that scheduler that a filter finds, in the order in which they came. Throws if there is no scheduler. */
  luigidTasks(query?: z.input<typeof shape.LuigidTaskQuery>): Promise<LuigidTaskPage>
  /** A task of that scheduler in full, with all that holds it back. */
  luigidTask(query: z.input<typeof shape.LuigidTaskRef>): Promise<LuigidTaskDetail>
  /** Workers of that scheduler, in the order in which they came. */
  luigidWorkers(query?: z.input<typeof shape.LuigidWorkerQuery>): Promise<LuigidWorkerPage>

  /**
   * Opens the next run of a run's request, planned from what is complete; with a task, a run of that task alone. An open
   * run in which something failed is cancelled first (`unconfirmed`: bodies of it still run; status `running`: they
   * have not stopped after 15 s); any other open run is joined.
   */
  retry(request: z.input<typeof shape.RetryRequest>): Promise<Retried>
  /** Stops a run; waits up to 15 s for its bodies to stop. Throws if it has ended. */
  cancel(request: z.input<typeof shape.RunRef>): Promise<Cancelled>
  /**
   * Counts a task as succeeded though its target is not there. In an open run it ends at once; after a run has ended,
   * the next run of the same request is opened and goes on from there.
   */
  mark(request: z.input<typeof shape.TaskRef>): Promise<MarkResult>
  /** Which tasks of a run a selection has, and how many each act would affect: the preview of the three below. */
  selection(query: z.input<typeof shape.SelectionQuery>): Promise<SelectionView>
  /**
   * Opens a run of the selected tasks that have failed, were cancelled or did not run, and of what they need. Nothing that
   * runs is stopped. The same selection of the same run joins the run that was opened for it.
   */
  retrySelected(request: z.input<typeof shape.SelectionAct>): Promise<Started>
  /** Cancels the selected tasks of an open run that have not ended; a body is told to stop with its next heartbeat. */
  cancelSelected(request: z.input<typeof shape.SelectionAct>): Promise<TasksActed>
  /** Counts the selected tasks as succeeded, as {@link Control.mark} does. */
  markSelected(request: z.input<typeof shape.SelectionAct>): Promise<TasksActed | Started>
  /** Stops a schedule from starting runs. */
  pause(request: z.input<typeof shape.PipelineRef>): Promise<z.output<typeof shape.Paused>>
  /** Lets a schedule start runs. Throws if its runs could not start. */
  resume(request: z.input<typeof shape.PipelineRef>): Promise<z.output<typeof shape.Paused>>
  /** Forgets runs that ended long ago; targets stay. More than half of all runs needs `confirmed`. */
  prune(request: z.input<typeof shape.PruneRequest>): Promise<PruneResult>

  /**
   * Starts a container of a deployment for a shell: with the image, inputs, environment and secrets of a task, beside its attempts. Nothing of
   * it is published. Throws on one machine, where the command opens shells itself.
   */
  openShell(request: z.input<typeof shape.ShellRequest>): Promise<OpenedShell>
  /** Ends a shell. Throws if there is none of this id. */
  endShell(shell: z.input<typeof shape.ShellRef>): Promise<z.output<typeof shape.EndedShell>>

  /** Secrets by name, without their values. */
  secrets(): Promise<SecretShape[]>
  /** Keeps the value of a secret. */
  setSecret(secret: z.input<typeof shape.SecretValue>): Promise<z.output<typeof shape.SecretName>>
  /** Forgets a secret. */
  removeSecret(secret: z.input<typeof shape.SecretRef>): Promise<z.output<typeof shape.SecretName>>

  /** Lets go of what it holds; bodies that it still runs are killed. */
  close(): Promise<void>
}
