import { rmSync } from 'node:fs'
import { readErrorCode } from '../../core/errors.ts'
import type { Job } from '../../core/ports/working.ts'
import type { ContainerEngine } from './container-engine.ts'
import { isStopped } from './container-files.ts'
import {
  hashState,
  isKeptContainer,
  type LabelledContainer,
  listContainers,
  listShellContainers,
  listShellImages,
  nameContainer,
  nameKeptContainer,
} from './container-labels.ts'

/**
 * What earlier attempts of the task have left: one that would do the same is adopted, if it runs or has ended well; all others are
 * removed before a new one starts, also those that were kept. A first attempt that follows none does not look.
 */
export async function settleLeftovers(
  engine: ContainerEngine,
  state: string,
  job: Job,
  spec: string,
): Promise<LabelledContainer | undefined> {
  if (job.attempt === 1 && !job.replaces) return undefined
  const left = await listContainers(engine, hashState(state), job.task.id)
  let adopted: LabelledContainer | undefined
  for (const container of left)
    if (adopted === undefined && container.spec === spec && mayGoOn(container, job))
      adopted = await takeOver(engine, container, job)
    else await removeLeftover(engine, container)
  return adopted
}

/** The end of another run's container may be told already, and then says nothing of what this run wants. */
const mayGoOn = (container: LabelledContainer, { run, task }: Job): boolean => {
  const { status, exitCode, folder } = container
  if (isKeptContainer(container) || isStopped(folder)) return false
  if (status === 'running') return true
  return status === 'exited' && exitCode === 0 && container.run === run && container.number === task.number
}

/** Gives it the name of the attempt; undefined if another attempt was quicker. */
async function takeOver(
  engine: ContainerEngine,
  container: LabelledContainer,
  { nonce }: Job,
): Promise<LabelledContainer | undefined> {
  const name = nameContainer(nonce)
  return (await engine.order(['rename', container.name, name])) ? { ...container, name } : undefined
}

/**
 * Keeps the container of an attempt that has failed, with its files, for a person to look at. False if it cannot be kept: it was
 * never created, or is another attempt's by now.
 */
export const keepOwnContainer = (engine: ContainerEngine, { nonce }: Job): Promise<boolean> =>
  engine.order(['rename', nameContainer(nonce), nameKeptContainer(nonce)])

/** Which containers of a state are still of use. */
export interface LeftContainers {
  /** Whether a task run may still have attempts. */
  isOpen(run: string, number: number): Promise<boolean>
  /** Whether a process is certainly gone. */
  isGone(process: string): Promise<boolean>
}

/** So long a sweep takes at most, because the end of a command waits for it; the next one goes on. */
const SWEEP_MS = 20_000

/**
 * Removes the containers of a state whose task runs can have no more attempts, but for those that were kept, and the containers of
 * shells whose process has died. What the engine of containers does not do now is left for the next time: it is no reason to end
 * the work of this process.
 */
export async function removeAbandonedContainers(
  anyEngine: ContainerEngine,
  state: string,
  { isOpen, isGone }: LeftContainers,
): Promise<void> {
  const limit = AbortSignal.timeout(SWEEP_MS)
  const engine = anyEngine.within(limit)
  const left = await listContainers(engine, hashState(state)).catch(() => [])
  for (const container of left)
    if (!isKeptContainer(container) && !limit.aborted && !(await isOpen(container.run, container.number)))
      await removeLeftover(engine, container).catch(() => undefined)
  if (limit.aborted) return
  const shells = await listShellContainers(engine, hashState(state)).catch(() => [])
  for (const shell of shells)
    if (await isGone(shell.owner)) await removeLeftover(engine, shell).catch(() => undefined)
  const copies = await listShellImages(engine, hashState(state)).catch(() => [])
  for (const { id, owner } of copies)
    if (await isGone(owner)) await engine.ask(['rmi', '--force', id]).catch(() => undefined)
}

/** Removes the containers of a state that were kept for runs that are forgotten; returns how many. */
export async function removeForgottenContainers(
  engine: ContainerEngine,
  state: string,
  isForgotten: (run: string) => Promise<boolean>,
): Promise<number> {
  let removed = 0
  for (const container of await listContainers(engine, hashState(state)).catch(() => [])) {
    if (!isKeptContainer(container) || !(await isForgotten(container.run))) continue
    if (await removeLeftover(engine, container).catch(() => false)) removed++
  }
  return removed
}

/** Removes a container with its files; false if it has gone meanwhile. */
async function removeLeftover(
  engine: ContainerEngine,
  { name, folder }: LabelledContainer,
): Promise<boolean> {
  const isRemoved = await removeContainer(engine, name)
  if (isRemoved) removeFolder(folder)
  return isRemoved
}

/**
 * Removes the container of an attempt with its files. If another attempt has adopted it, both stay: this process stood still
 * meanwhile. Throws if the engine does not answer; then both stay as well, because the program may still run.
 */
export async function removeOwnContainer(
  engine: ContainerEngine,
  state: string,
  { task, nonce }: Job,
  { folder, hasEnded }: { folder: string; hasEnded: boolean },
): Promise<void> {
  if (!(await removeContainer(engine, nameContainer(nonce), { hasEnded }))) {
    const left = await listContainers(engine, hashState(state), task.id)
    if (left.some((container) => container.folder === folder)) return
  }
  removeFolder(folder)
}

/** Removes a container with what runs in it; false if there is none of this name. */
export async function removeContainer(
  engine: ContainerEngine,
  name: string,
  { hasEnded = false } = {},
): Promise<boolean> {
  // Podman would wait ten seconds for a program that does not listen.
  if (!hasEnded) await engine.ask(['kill', '--signal', 'KILL', name])
  const { stdout } = await engine.ask(['rm', '--force', '--volumes', name])
  // Both engines print what was removed; the exit code is 0 in some versions if there is nothing.
  return stdout.trim() !== ''
}

/** Removes the folder of a container. What another user of the image wrote in folders of its own stays if this process is not root. */
export function removeFolder(folder: string): void {
  try {
    if (folder !== '') rmSync(folder, { recursive: true, force: true })
  } catch (error) {
    if (!IS_FOREIGN.has(readErrorCode(error) ?? '')) throw error
  }
}

const IS_FOREIGN = new Set(['EACCES', 'EPERM'])
