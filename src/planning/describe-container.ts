import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { IN_CONTAINER } from '../core/names.ts'
import type { Command, ContainerInput, ContainerOutput, ContainerProgram } from '../core/plan.ts'
import { type ContainerDefinition, isCommand, type TargetInContainer } from '../define/container.ts'
import { toImage } from '../define/image.ts'
import { mapRequires, type Requires } from '../define/requires.ts'
import { FolderTarget } from '../define/targets/folder.ts'
import { MarkerTarget } from '../define/targets/marker.ts'
import { StorageTarget } from '../define/targets/storage-target.ts'
import { isTarget, listOutputTargets, type Output, type Target } from '../define/targets/target.ts'
import type { TaskInstance } from '../define/task.ts'

/*
 * A container's program as the plan carries it. The command is made here, while planning, because paths in a container follow
 * from the targets alone: `/sluice/in/PATH` and `/sluice/out/PATH` with the path that the target has in the storage. So no code
 * of the user's has to run where the container is started, which may be a function without it.
 */

/** Path below the inputs for results of tasks without output. */
const RESULTS = 'results'

/** The program of a task that is a container. Throws what its command throws. */
export function describeContainer(
  task: TaskInstance,
  container: ContainerDefinition,
  requires: Requires | undefined,
  outputOf: (task: TaskInstance) => Output,
): ContainerProgram {
  const inputs = new Map<string, ContainerInput>()
  const input =
    requires === undefined
      ? undefined
      : mapRequires(requires, (upstream) =>
          mapTargets(outputOf(upstream), (target) => {
            const read = toInput(target, upstream)
            if (read === undefined) return withoutPath(target, task)
            inputs.set(read.at, read)
            return { path: `${IN_CONTAINER.inputs}/${read.at}`, uri: locate(target) }
          }),
        )
  const { output, outputs } = describeOutputs(task, outputOf(task))
  const argv = toArguments(container.command, { params: task.params, input, output })
  return {
    image: toImage(container.image, (folder) => resolve(task.definition.folder ?? '.', folder)),
    ...(argv === undefined ? {} : { argv }),
    env: { ...container.env },
    inputs: [...inputs.values()],
    outputs,
  }
}

/** What a program writes: as its command is told, and as it is published. */
function describeOutputs(task: TaskInstance, own: Output) {
  if (task.definition.output === undefined) return { output: undefined, outputs: [] }
  const output = mapTargets(own, (target) =>
    target instanceof StorageTarget
      ? { path: `${IN_CONTAINER.outputs}/${makeContainerPath(target)}`, uri: locate(target) }
      : withoutPath(target, task),
  )
  return { output, outputs: listOutputTargets(own).flatMap(toOutput) }
}

/**
 * The command that runs a job on one machine, in the project's folder. It reads the targets where they are. Where it writes is
 * known when it is started, so paths of outputs are below `/sluice/out` in the plan, which the runner replaces.
 */
export function describeLocalCommand(
  task: TaskInstance,
  command: unknown,
  requires: Requires | undefined,
  outputOf: (task: TaskInstance) => Output,
): Command {
  const input =
    requires === undefined
      ? undefined
      : mapRequires(requires, (upstream) =>
          mapTargets(outputOf(upstream), (target) => {
            const uri = locate(target)
            return uri.startsWith('file:') ? { path: fileURLToPath(uri), uri } : withoutPath(target, task)
          }),
        )
  const { output, outputs } = describeOutputs(task, outputOf(task))
  const argv = toArguments(command, { params: task.params, input, output }) ?? []
  return { argv, folder: resolve(task.definition.folder ?? '.'), env: {}, outputs }
}

function toArguments(command: unknown, context: object): string[] | undefined {
  const argv: unknown = typeof command === 'function' ? command(context) : command
  if (argv === undefined && command === undefined) return undefined
  if (!isCommand(argv))
    throw new TypeError("command must return a list of texts, such as ['python', 'train.py']")
  return argv
}

/** Something of each target of an output, in its shape. */
export function mapTargets<T>(output: Output, map: (target: Target) => T): T | { [name: string]: T } {
  if (isTarget(output)) return map(output)
  return Object.fromEntries(Object.entries(output).map(([name, target]) => [name, map(target)]))
}

const makeContainerPath = (target: StorageTarget): string =>
  target instanceof FolderTarget ? target.folder : target.path
/** The URI of a target: of a folder its own, and not its marker's. */
export const locate = (target: Target): string =>
  target instanceof FolderTarget ? target.folderUri : target.uri

function toInput(target: Target, { id }: TaskInstance): ContainerInput | undefined {
  if (target instanceof StorageTarget) return { uri: locate(target), at: makeContainerPath(target) }
  if (target instanceof MarkerTarget) return { uri: target.uri, at: `${RESULTS}/${id}.json` }
  return undefined
}

function toOutput(target: Target): ContainerOutput[] {
  if (!(target instanceof StorageTarget)) return []
  const output = { uri: locate(target), at: makeContainerPath(target) }
  return [target instanceof FolderTarget ? { ...output, marker: target.marker } : output]
}

/** A target that is no file, such as a row of a database: the program reaches it by its URI. */
function withoutPath({ uri }: Target, { label }: TaskInstance): TargetInContainer {
  return {
    uri,
    get path(): string {
      throw new TypeError(
        `the target ${uri} has no path that the program of ${label} could be given; give it the uri`,
      )
    },
  }
}
