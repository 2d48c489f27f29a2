import { createHash } from 'node:crypto'
import type { Job } from '../../core/ports/working.ts'
import { type ContainerEngine, type Inspected, readLastLine } from './container-engine.ts'

/*
 * Containers are known by labels, so that what a process left that died is found: adopted by the next attempt of its task, or
 * removed.
 *
 * A name is that of the attempt that owns the container. Who adopts one gives it the name of its own attempt, in one step of the
 * engine; a process that stood still and wakes up no longer finds it under the old name, and can neither end nor remove it.
 */

/** What a container of ours is, by its labels. */
export interface LabelledContainer {
  name: string
  run: string
  number: number
  attempt: number
  taskId: string
  /** Hash of all that the container was made of; only one of the same is adopted. */
  spec: string
  /** Folder of its files on this machine. */
  folder: string
  /** The process to which the container of a shell belongs; empty for one of an attempt. */
  owner: string
  /** `running`, `exited`, `created` or another word of the engine. */
  status: string
  exitCode: number
}

const PREFIX = 'sluice'

/** The name of the container of an attempt. */
export const nameContainer = (nonce: string): string => `${PREFIX}-${nonce}`

const KEPT = `${PREFIX}-kept-`

/** The name of a container that has failed and was kept for a person to look at: no attempt goes on with it. */
export const nameKeptContainer = (nonce: string): string => `${KEPT}${nonce}`

/** Whether a container has failed and was kept. */
export const isKeptContainer = ({ name }: Pick<LabelledContainer, 'name'>): boolean => name.startsWith(KEPT)

/** Tells states on one machine apart, by the path of their folder. */
export const hashState = (path: string): string =>
  createHash('sha256').update(path).digest('hex').slice(0, 16)

/** Labels of the container of an attempt. */
export function makeLabels(
  state: string,
  { run, task, attempt }: Job,
  { spec, folder }: { spec: string; folder: string },
) {
  return {
    [`${PREFIX}.state`]: state,
    [`${PREFIX}.run`]: run,
    [`${PREFIX}.number`]: String(task.number),
    [`${PREFIX}.attempt`]: String(attempt),
    [`${PREFIX}.task`]: task.id,
    [`${PREFIX}.spec`]: spec,
    [`${PREFIX}.folder`]: folder,
  }
}

/** Labels of the container of a shell, which is no attempt's: it belongs to the process that has opened it. */
export const makeShellLabels = (state: string, { owner, folder }: { owner: string; folder: string }) => ({
  [`${PREFIX}.shell`]: state,
  [`${PREFIX}.owner`]: owner,
  [`${PREFIX}.folder`]: folder,
})

/** Containers of attempts of a state; of one task of it, if its id is given. Throws if the engine does not answer. */
export const listContainers = (
  engine: ContainerEngine,
  state: string,
  taskId?: string,
): Promise<LabelledContainer[]> =>
  listLabelled(engine, [
    `label=${PREFIX}.state=${state}`,
    ...(taskId === undefined ? [] : [`label=${PREFIX}.task=${taskId}`]),
  ])

/** Containers of shells of a state. Throws if the engine does not answer. */
export const listShellContainers = (engine: ContainerEngine, state: string): Promise<LabelledContainer[]> =>
  listLabelled(engine, [`label=${PREFIX}.shell=${state}`])

/** The image of the copy of a kept container, and the process to which it belongs. */
export interface ShellImage {
  id: string
  owner: string
}

/** Images of shells of a state. Throws if the engine does not answer. */
export async function listShellImages(engine: ContainerEngine, state: string): Promise<ShellImage[]> {
  const { code, stdout, stderr } = await engine.ask([
    ...['images', '--no-trunc', '--quiet', '--filter', `label=${PREFIX}.shell=${state}`],
  ])
  if (code !== 0) throw new Error(`${engine.command} cannot list images: ${readLastLine(stderr)}`)
  const ids = stdout.split('\n').filter((id) => id !== '')
  const images = ids.length === 0 ? [] : await engine.inspect('image', ids)
  return images.map(({ Id, Config }) => ({ id: Id, owner: Config?.Labels?.[`${PREFIX}.owner`] ?? '' }))
}

async function listLabelled(
  engine: ContainerEngine,
  filters: readonly string[],
): Promise<LabelledContainer[]> {
  const { code, stdout, stderr } = await engine.ask([
    'ps',
    '--all',
    '--no-trunc',
    '--quiet',
    ...filters.flatMap((each) => ['--filter', each]),
  ])
  if (code !== 0) throw new Error(`${engine.command} cannot list containers: ${readLastLine(stderr)}`)
  const ids = stdout.split('\n').filter((id) => id !== '')
  if (ids.length === 0) return []
  // One that has gone meanwhile is left out.
  return (await engine.inspect('container', ids)).map(readContainer)
}

function readContainer({ Name = '', State, Config }: Inspected): LabelledContainer {
  const read = (label: string): string => Config?.Labels?.[`${PREFIX}.${label}`] ?? ''
  return {
    // Docker's names begin with a slash.
    name: Name.replace(/^\//, ''),
    status: State?.Status ?? '',
    exitCode: State?.ExitCode ?? 0,
    run: read('run'),
    number: Number(read('number')),
    attempt: Number(read('attempt')),
    taskId: read('task'),
    spec: read('spec'),
    folder: read('folder'),
    owner: read('owner'),
  }
}
