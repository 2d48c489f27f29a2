import { SluiceError } from './errors.ts'
import type { Params } from './json.ts'
import type { Failure } from './records/task-run.ts'

/** Numbers of upstreams in the shape in which `requires` returned them. */
export type Shape = number | Shape[] | { [name: string]: Shape }

/** When a failed attempt is tried again. */
export interface RetryPolicy {
  /** Attempts in all, 1 or more. */
  attempts: number
  delayMs: number
  /** The longest delay that doubling may reach. @default none */
  maxDelayMs?: number
  backoff: 'fixed' | 'exponential'
  /** Limits of their own for two causes. @default attempts */
  timedOut?: number
  outOfMemory?: number
}

/** A program to run, without a shell. */
export interface Command {
  argv: string[]
  /** Its working directory. */
  folder: string
  env: { [name: string]: string }
  /**
   * What it writes, if its arguments say where: paths below `/sluice/out` in them, which the runner replaces by a folder of the
   * attempt. @default its one output, at `SLUICE_OUTPUT`
   */
  outputs?: ContainerOutput[]
  /** It runs one task of Luigi. */
  luigi?: LuigiOrigin
}

/** What is known of a task of Luigi beside its command. */
export interface LuigiOrigin {
  /**
   * It asks for all tasks of the run, which it yields; it ends with them. The ids of tasks that count as complete, whatever their
   * code says.
   */
  plans?: { done: string[] }
  /** The family of the config that says how its tasks run; absent if the command line asked for them. */
  root?: string
}

/** Where the image of a container comes from: a reference such as `python:3.12-slim`, or a folder that is built. */
export type Image = { reference: string } | { build: ImageBuild }

/** A folder with a Dockerfile, built if no image of the same content has been built before. */
export interface ImageBuild {
  /** Absolute path of the build context. */
  folder: string
  /** Path of the Dockerfile in the folder. @default 'Dockerfile' */
  dockerfile?: string
  /** The stage of the Dockerfile that is built. @default the last one */
  target?: string
  /** Build arguments, such as the version of a runtime. They can be read in the image, so they are no place for secrets. */
  args?: { [name: string]: string }
  /** A branch, tag or commit of the repository around the folder, which is built instead of the files that are there now. */
  ref?: string
  /** Names of secrets by the ids under which the Dockerfile mounts them; their values are in no plan. */
  secrets?: { [id: string]: string }
}

/** A program that runs in a container, and what it finds in there. Nothing of it needs user code to run. */
export interface ContainerProgram {
  image: Image
  /** Arguments for the image's entry point. @default what the image starts by itself */
  argv?: string[]
  /** A program of the image that is started instead of its entry point. */
  entryPoint?: string
  /** Folders of this machine, which the program finds in the container and may write to. @default none */
  mounts?: ContainerMount[]
  env: { [name: string]: string }
  /** What it reads, under `/sluice/in`. */
  inputs: ContainerInput[]
  /** What it writes, under `/sluice/out`; published when it exits with 0. */
  outputs: ContainerOutput[]
}

/** A program that a service runs, such as a Spark program on EMR Serverless. Nothing of it needs user code to run. */
export interface PlannedJob {
  /** Path of the program in the project, or a URI. */
  script: string
  arguments?: readonly string[]
  /** Modules that it imports, as paths or URIs. */
  pyFiles?: readonly string[]
  /** Settings of Spark. */
  spark?: { readonly [name: string]: string }
}

/** A folder of this machine in a container. */
export interface ContainerMount {
  /** Its absolute path on this machine. */
  folder: string
  /** Its absolute path in the container. */
  at: string
}

/** A target that a container reads. */
export interface ContainerInput {
  /** URI of a file or of a folder, or `marker:ID` for the result of a task without output, which is a JSON file. */
  uri: string
  /** Its path under `/sluice/in`, with forward slashes. */
  at: string
}

/** A target that a container writes. */
export interface ContainerOutput {
  /** URI of a file, or of a folder if `marker` is there. */
  uri: string
  /** Its path under `/sluice/out`, with forward slashes. */
  at: string
  /** A folder is whole when this file is in it. `sluice`: Sluice writes it; `program`: the program has to write it. */
  marker?: { name: string; by: 'sluice' | 'program' }
}

/** How a task is run; everything that deciding and executing need to know without user code. */
export interface Policy {
  retry: RetryPolicy
  timeoutMs?: number
  memoryMb?: number
  /** CPU of a container in units of 1/1024 of a core, as ECS counts it. */
  cpu?: number
  fresh: 'run' | 'attempt'
  /** Made outside of Sluice: its target is looked at every `pollMs`, until the timeout. */
  external?: { pollMs: number }
  secrets: { [name: string]: string }
  /** @default 'default' */
  pool?: string
  /** @default 0 */
  priority?: number
  /** Slots of resources that an attempt holds. */
  resources?: { [name: string]: number }
  /** What an attempt reserves of budgets. */
  budgets?: { [name: string]: number }
}

/** The pool of tasks that name none. */
export const DEFAULT_POOL = 'default'

/** One task of a plan. */
export interface PlannedTask {
  number: number
  id: string
  family: string
  params: Params
  /** What a person calls it: `Family(k=v,…)`. */
  label: string
  requires?: Shape
  /** Numbers of its direct upstreams, join nodes included; a bit of the node's bitmaps is an index into this list. */
  upstreams: number[]
  /** Who depends on it, and the bit by which that node knows it. The run itself is number `plan.tasks.length`. */
  dependents: [number: number, bit: number][]
  /** URIs of its targets; none: a marker. */
  outputs: string[]
  complete?: true
  /** Its `requires` or `output` threw while planning. */
  failure?: Failure
  join?: true
  /** Runs though its target is there. */
  forced?: true
  /** A program of a plan from elsewhere, instead of a body. */
  command?: Command
  /** A program in a container, instead of a body or around the command. */
  container?: ContainerProgram
  /** A program that a service runs, instead of a body. */
  job?: PlannedJob
  /** Number of the task that yielded it. */
  yielder?: number
  policy: Policy
}

/** What is known of a plan without reading its tasks. */
export interface PlanHeader {
  name: string
  /** Number of the root task. */
  root: number
  /** When planning began to look at targets. */
  plannedAt: number
  /** Number of tasks, join nodes included. */
  size: number
  /** Tasks that nothing holds back, in order of number. */
  ready: number[]
}

/** The numbered, immutable result of planning. */
export interface Plan {
  header: PlanHeader
  tasks: PlannedTask[]
}

/** A plan has no task of this number, nearly always because its run was forgotten while a process stood still. */
export class MissingTaskError extends SluiceError {
  constructor(run: string, number: number) {
    super('internal', `no task ${number} in the plan of ${run}; its run may have been forgotten`)
  }
}

/** Every number in a shape, in order. */
export function listShapeNumbers(shape: Shape | undefined): number[] {
  if (shape === undefined) return []
  if (typeof shape === 'number') return [shape]
  return Object.values(shape).flatMap(listShapeNumbers)
}

/** The shape with each number replaced. */
export function mapShapeNumbers(shape: Shape, replace: (number: number) => number): Shape
export function mapShapeNumbers(shape: Shape, replace: (number: number) => unknown): unknown
export function mapShapeNumbers(shape: Shape, replace: (number: number) => unknown): unknown {
  if (typeof shape === 'number') return replace(shape)
  if (Array.isArray(shape)) return shape.map((each) => mapShapeNumbers(each, replace))
  return Object.fromEntries(
    Object.entries(shape).map(([name, each]) => [name, mapShapeNumbers(each, replace)]),
  )
}
