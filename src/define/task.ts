import { formatTaskLabel, makeTaskId } from '../core/identity.ts'
import type { Json, Params } from '../core/json.ts'
import type { Policy } from '../core/plan.ts'
import type { Body, BodyContext } from './body.ts'
import type { ContainerDefinition } from './container.ts'
import { findDefiningModule } from './defined-in.ts'
import type { EmrDefinition } from './emr.ts'
import type { LuigiDefinition } from './luigi.ts'
import { type Fields, type GivenOf, type ParamsOf, parseTaskParams, pickSignificantParams } from './params.ts'
import { findDefinitionProblems, makeTaskPolicy } from './policy.ts'
import type { Requires } from './requires.ts'
import type { SecretReference } from './secret.ts'
import type { MarkerTarget } from './targets/marker.ts'
import type { Output } from './targets/target.ts'

/** When a failed attempt is tried again. */
export interface RetryOptions {
  /** Attempts in all. @default 3 */
  attempts?: number
  /** Delay before the second attempt. @default 10 */
  delaySeconds?: number
  /** `exponential` doubles the delay each time, with jitter. @default 'exponential' */
  backoff?: 'fixed' | 'exponential'
  /** The longest delay that doubling may reach. @default none: delays double as long as attempts are left */
  maxDelaySeconds?: number
  /** Attempts that may time out, counted apart from the others. @default counted as `attempts` */
  timedOut?: number
  /** Attempts that may run out of memory, counted apart from the others. @default counted as `attempts` */
  outOfMemory?: number
}

/** Secrets of a task: the name in the body, and {@link secret} of the name outside. */
export type Secrets = { readonly [name: string]: SecretReference }

/** Budgets of a task: what one attempt reserves of each. */
export type Budgets = { readonly [name: string]: number }

/** How a task is defined, apart from its body. */
export interface TaskOptions<
  F extends Fields,
  R extends Requires | undefined,
  O extends Output | undefined,
  S extends Secrets,
  B extends Budgets = Record<never, never>,
> {
  /** zod fields; together they are the task's identity, but for `insignificant` ones. @default none */
  params?: F
  /** Upstreams: a task, an array or a record of them; its shape reaches the body as `input`. @default none */
  requires?: (params: ParamsOf<F>) => R
  /** Targets; the task is complete when all exist. @default a marker with the body's small JSON result */
  output?: (params: ParamsOf<F>) => O
  retry?: RetryOptions
  /** After this time the body is asked to stop, then killed. @default no limit */
  timeoutSeconds?: number
  /** Limit of the body's heap; doubled after an attempt that ran out of it, up to the largest of the pool. @default Node's own */
  memoryMb?: number
  /** `attempt`: a process of its own for each attempt. @default 'run': shared with other tasks of the same run */
  fresh?: 'run' | 'attempt'
  secrets?: S
  /** The queue that its attempts go through, with its own limits. @default 'default' */
  pool?: string
  /** Higher goes first. @default 0 */
  priority?: number
  /** Slots of resources that each attempt holds, all or none: `{ db: 1 }`. */
  resources?: { readonly [name: string]: number }
  /** What each attempt reserves of budgets: `{ mag: 100 }`. */
  budgets?: B
}

/** One task with its parameters; what `requires` returns. `Out` is what a downstream body gets as its input. */
export interface TaskInstance<Out = unknown> {
  readonly definition: TaskDefinition
  readonly id: string
  readonly label: string
  readonly params: Params
  /** Only a type: what the output is. */
  readonly __output?: Out
}

/** A task family: call it with parameters to refer to one task. */
export interface Task<F extends Fields, Out, R = unknown> {
  (...given: Record<never, never> extends GivenOf<F> ? [GivenOf<F>?] : [GivenOf<F>]): TaskInstance<Out>
  readonly family: string
  /** The zod fields, to spread into another task's. */
  readonly params: F
  readonly definition: TaskDefinition
  /** Only a type: what it requires. */
  readonly __requires?: R
}

/** A family without its types: what planning and executing work with. */
export interface TaskDefinition {
  family: string
  fields: Fields
  requires?: (params: never) => Requires | undefined
  output?: (params: never) => Output | undefined
  body?: (context: BodyContext<never, never, never, never, never>) => unknown
  /** A program in a container instead of a body. */
  container?: ContainerDefinition
  /** A job of EMR instead of a body. */
  emr?: EmrDefinition
  /** The root of a pipeline of Luigi; `by-params`: its parameters say which (define/luigi-command.ts). */
  luigi?: LuigiDefinition | 'by-params'
  policy: Policy
  /** Folder of the project that has it, once it is loaded: relative paths of the definition are seen from there. */
  folder?: string
  /** What is wrong with the definition; told when the config is loaded. */
  problems: string[]
  /** The same with what the project found wrong: while there is any, its tasks fail when they are planned. */
  wrong?: string[]
}

/** What a downstream body gets for a task: its output, or its marker. */
export type OutOf<O, Result> = [O] extends [undefined] ? MarkerTarget<Awaited<Result>> : O

/** A family with the URL of the module that has defined it, which may be empty. */
export interface RegisteredTask {
  definition: TaskDefinition
  module: string
}

const registered: RegisteredTask[] = []

/** How many families modules of this process have defined. */
export const countRegisteredTasks = (): number => registered.length

/** The families that modules of this process have defined, in order, from one number up to another one. */
export const listRegisteredTasks = (from = 0, to?: number): RegisteredTask[] => registered.slice(from, to)

/** Forgets tasks that are no part of any project. */
export function forgetTasks(from: number): void {
  registered.length = from
}

/**
 * Defines a task family. The body comes last, so that types flow into it whatever the order of the properties.
 * A wrong definition is reported with all others when the config is loaded.
 */
export function task<
  F extends Fields = Record<never, never>,
  R extends Requires | undefined = undefined,
  O extends Output | undefined = undefined,
  S extends Secrets = Record<never, never>,
  B extends Budgets = Record<never, never>,
  Result extends Json | undefined | void = void,
>(
  family: string,
  options: TaskOptions<F, R, O, S, B>,
  body: Body<ParamsOf<F>, R, O, S, B, Result>,
): Task<F, OutOf<O, Result>, R> {
  return defineTaskFamily(family, options as unknown as TaskOptions<Fields, Requires, Output, Secrets>, {
    body: body as TaskDefinition['body'] & {},
  }) as unknown as Task<F, OutOf<O, Result>, R>
}

/** How an external task is defined. */
export interface ExternalOptions<F extends Fields, O extends Output> {
  /** @default none */
  params?: F
  output: (params: ParamsOf<F>) => O
  /** After this time without the target the task fails. @default waits for ever */
  timeoutSeconds?: number
  /** How often the target is looked at. @default 30 */
  pollSeconds?: number
}

/** A task whose target is made outside of Sluice: it never runs, and waits until its target is there or its timeout ends. */
export function external<O extends Output, F extends Fields = Record<never, never>>(
  family: string,
  options: ExternalOptions<F, O>,
): Task<F, O> {
  const { pollSeconds = 30, ...rest } = options
  return defineTaskFamily(family, rest as unknown as TaskOptions<Fields, Requires, Output, Secrets>, {
    pollSeconds,
  }) as unknown as Task<F, O>
}

/** What fulfils a task: a body, a program in a container, a job of EMR, tasks of Luigi, or another system. */
export type TaskKind =
  | { body: NonNullable<TaskDefinition['body']> }
  | { container: ContainerDefinition; problems: string[] }
  | { emr: EmrDefinition; problems: string[] }
  | { luigi: LuigiDefinition; problems: string[] }
  | { pollSeconds: number }

/** Defines a family of any kind, without its types. */
export function defineTaskFamily(
  family: string,
  options: TaskOptions<Fields, Requires, Output, Secrets>,
  kind: TaskKind,
): Task<Fields, unknown> {
  const fields = options.params ?? {}
  const definition: TaskDefinition = {
    family,
    fields,
    ...(options.requires && { requires: options.requires as TaskDefinition['requires'] & {} }),
    ...(options.output && { output: options.output as TaskDefinition['output'] & {} }),
    ...('body' in kind && { body: kind.body }),
    ...('container' in kind && { container: kind.container }),
    ...('emr' in kind && { emr: kind.emr }),
    ...('luigi' in kind && { luigi: kind.luigi }),
    policy: makeTaskPolicy(options, 'pollSeconds' in kind ? kind.pollSeconds : undefined),
    problems: findDefinitionProblems(family, options, kind),
  }
  registered.push({ definition, module: findDefiningModule() })
  const create = (given: unknown = {}) => instantiateTask(definition, parseTaskParams(family, fields, given))
  return Object.assign(create, { family, params: fields, definition })
}

/** The task of a family with parameters that were parsed before. */
export function instantiateTask(definition: TaskDefinition, params: Params): TaskInstance {
  return new Instance(definition, params)
}

/** A body's process refers to tasks without asking for their identity, which costs a hash. */
class Instance implements TaskInstance {
  readonly definition: TaskDefinition
  readonly params: Params
  #id: string | undefined
  #label: string | undefined

  constructor(definition: TaskDefinition, params: Params) {
    this.definition = definition
    this.params = params
  }

  get id(): string {
    this.#id ??= makeTaskId(this.definition.family, this.#significant)
    return this.#id
  }

  get label(): string {
    this.#label ??= formatTaskLabel(this.definition.family, this.#significant)
    return this.#label
  }

  get #significant(): Params {
    return pickSignificantParams(this.definition.fields, this.params)
  }
}
