import type { Json } from '../core/json.ts'
import { type BuiltImage, findImageProblems } from './image.ts'
import type { Fields, ParamsOf } from './params.ts'
import type { Requires } from './requires.ts'
import type { MarkerTarget } from './targets/marker.ts'
import type { Output, Target } from './targets/target.ts'
import {
  type Budgets,
  defineTaskFamily,
  type Secrets,
  type Task,
  type TaskInstance,
  type TaskOptions,
} from './task.ts'

/** A target as a program in a container finds it. */
export interface TargetInContainer {
  /** Its path in the container: an input under `/sluice/in`, an output under `/sluice/out`. */
  readonly path: string
  /** Its URI, for programs that read and write the storage themselves. */
  readonly uri: string
}

/** Targets in the shape of an output: one, or a record of them, each as a program finds it. */
export type TargetsInContainer<O, T = TargetInContainer> = O extends Target
  ? T
  : O extends undefined
    ? undefined
    : { readonly [K in keyof O]: T }

/** Outputs of upstreams in the shape of `requires`. A task without output is a JSON file with its result. */
export type InputsInContainer<R, T = TargetInContainer> =
  R extends TaskInstance<infer Out>
    ? TargetsInContainer<Out, T>
    : R extends undefined
      ? undefined
      : { readonly [K in keyof R]: InputsInContainer<R[K], T> }

/** What the command of a container is made of. It is made while planning, so that running it needs no code of the user's. */
export interface CommandContext<P, R, O> {
  params: P
  input: InputsInContainer<R>
  output: TargetsInContainer<O>
}

/** How a container is defined: as a task, but with an image and a command instead of a body. */
export interface ContainerOptions<
  F extends Fields,
  R extends Requires | undefined,
  O extends Output | undefined,
  S extends Secrets,
  B extends Budgets = Record<never, never>,
> extends Omit<TaskOptions<F, R, O, S, B>, 'fresh' | 'memoryMb'> {
  /** A reference such as `python:3.12-slim` or `…@sha256:…`, or {@link build} of a folder. */
  image: string | BuiltImage
  /** The arguments for the image's entry point, or for the program itself if it has none. @default what the image starts by itself */
  command?: readonly string[] | ((context: CommandContext<ParamsOf<F>, R, O>) => readonly string[])
  /** Environment variables. Secrets go into `secrets`. @default none */
  env?: { readonly [name: string]: string }
  /** CPU in units of 1/1024 of a core. @default no limit on one machine */
  cpu?: number
  /** Limit of the container's memory; doubled after an attempt that ran out of it. @default no limit on one machine */
  memoryMb?: number
}

/** What a definition says of its container, without its types. */
export interface ContainerDefinition {
  image: string | BuiltImage
  command?: readonly string[] | ((context: CommandContext<never, never, never>) => readonly string[])
  env: { readonly [name: string]: string }
}

/**
 * Defines a task that runs a program in a container instead of a body. It has succeeded when the program exits with 0 and all
 * its outputs are written. Exit code 75 asks for another attempt that costs no retry; docs/containers.md has the program's side.
 */
export function container<
  F extends Fields = Record<never, never>,
  R extends Requires | undefined = undefined,
  O extends Output | undefined = undefined,
  S extends Secrets = Record<never, never>,
  B extends Budgets = Record<never, never>,
>(
  family: string,
  options: ContainerOptions<F, R, O, S, B>,
): Task<F, [O] extends [undefined] ? MarkerTarget<Json> : O, R> {
  const { image, command, env = {}, ...rest } = options
  return defineTaskFamily(family, rest as unknown as TaskOptions<Fields, Requires, Output, Secrets>, {
    // The command's context is typed for the user alone; planning makes it from the definition.
    container: {
      image,
      env,
      ...(command === undefined ? {} : { command: command as ContainerDefinition['command'] & {} }),
    },
    problems: findContainerProblems({ image, command, env, secrets: options.secrets, cpu: options.cpu }),
  }) as unknown as Task<F, [O] extends [undefined] ? MarkerTarget<Json> : O, R>
}

/** Options as JavaScript may give them, whatever their types say. */
interface UncheckedOptions {
  image: unknown
  command?: unknown
  env?: { readonly [name: string]: unknown } | undefined
  secrets?: object | undefined
  cpu?: number | undefined
}

/** ECS allows 16 vCPU for one task; more than that is a mistake of the unit. */
const MAX_CPU = 16 * 1024

/** What is wrong with the program of a container, a sentence each. */
export function findContainerProblems({
  image,
  command,
  env = {},
  secrets = {},
  cpu,
}: UncheckedOptions): string[] {
  const problems = findImageProblems(image)
  if (Array.isArray(command) ? !isCommand(command) : command !== undefined && typeof command !== 'function')
    problems.push('command must be an array of texts, or a function that returns one')
  problems.push(...findVariableProblems(Object.keys(env), Object.keys(secrets)))
  for (const [name, value] of Object.entries(env))
    if (typeof value !== 'string') problems.push(`env: ${name} must be text`)
  if (cpu !== undefined && !(Number.isInteger(cpu) && cpu > 0 && cpu <= MAX_CPU))
    problems.push(`cpu must be a whole number of 1 to ${MAX_CPU}: 1024 is one core`)
  return problems
}

/** Variables that Sluice sets itself. */
const OWN_VARIABLE = /^(SLUICE_.*|TRACEPARENT)$/
/** Variables by which the command of Docker or Podman is itself set up: it is given the values of secrets in its environment. */
const ENGINE_VARIABLE = /^((DOCKER|CONTAINERS?|BUILDAH|XDG|LD)_.*|PATH|HOME|TMPDIR)$/

/** What is wrong with the names of environment variables and of secrets of a container, a sentence each. */
export function findVariableProblems(env: readonly string[], secrets: readonly string[]): string[] {
  const names = [...env, ...secrets]
  return [
    ...names
      .filter((name) => !/^[A-Za-z_]\w*$/.test(name))
      .map((name) => `the variable ${JSON.stringify(name)} must be a name of letters, digits and _`),
    ...names
      .filter((name) => OWN_VARIABLE.test(name))
      .map((name) => `the variable ${name} is set by Sluice; give it another name`),
    ...secrets
      .filter((name) => ENGINE_VARIABLE.test(name))
      .map(
        (name) =>
          `the secret ${name} has the name of a variable of the container engine; give it another name`,
      ),
  ]
}

/** Whether a value is a list of arguments that a program can be started with. */
export const isCommand = (value: unknown): value is string[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((each) => typeof each === 'string' && !each.includes('\0'))
