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
}

/** How a task is run; everything that deciding and executing need to know without user code. */
export interface Policy {
  retry: RetryPolicy
  timeoutMs?: number
  memoryMb?: number
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
  /** A program instead of a body. */
  command?: Command
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
