import { rmSync } from 'node:fs'
import { readErrorCode } from '../../core/errors.ts'
import type { Job } from '../../core/ports/working.ts'
import type { ContainerEngine } from './container-engine.ts'
import { wasAskedToStop } from './container-files.ts'
import { hashState, type LabelledContainer, listContainers, nameContainer } from './container-labels.ts'

/**
 * What earlier attempts of the task have left: one that would do the same is adopted, if it runs or has ended well; all others are
 * removed before a new one starts. A first attempt that follows none does not look.
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
    if (adopted === undefined && container.spec === spec && mayGoOn(container))
      adopted = await takeOver(engine, container, job)
    else await removeLeftover(engine, container)
  return adopted
}

const mayGoOn = ({ status, exitCode, folder }: LabelledContainer): boolean =>
  (status === 'running' || (status === 'exited' && exitCode === 0)) && !wasAskedToStop(folder)

/** Gives it the name of the attempt; undefined if another attempt was quicker. */
async function takeOver(
  engine: ContainerEngine,
  container: LabelledContainer,
  { nonce }: Job,
): Promise<LabelledContainer | undefined> {
  const name = nameContainer(nonce)
  const { code } = await engine.call(['rename', container.name, name])
  return code === 0 ? { ...container, name } : undefined
}

/**
 * Removes the containers of a state whose task runs can have no more attempts. What the engine of containers does not do now is
 * left for the next time: it is no reason to end the work of this process.
 */
export async function removeAbandonedContainers(
  engine: ContainerEngine,
  state: string,
  isOpen: (run: string, number: number) => Promise<boolean>,
): Promise<void> {
  const left = await listContainers(engine, hashState(state)).catch(() => [])
  for (const container of left)
    if (!(await isOpen(container.run, container.number)))
      await removeLeftover(engine, container).catch(() => undefined)
}

async function removeLeftover(engine: ContainerEngine, { name, folder }: LabelledContainer): Promise<void> {
  if (await removeContainer(engine, name)) removeFolder(folder)
}

/**
 * Removes the container of an attempt with its files. If another attempt has adopted it, both stay: this process stood still
 * meanwhile. Throws if the engine does not answer; then both stay as well, because the program may still run.
 */
export async function removeOwnContainer(
  engine: ContainerEngine,
  state: string,
  { task, nonce }: Job,
  folder: string,
): Promise<void> {
  if (!(await removeContainer(engine, nameContainer(nonce)))) {
    const left = await listContainers(engine, hashState(state), task.id)
    if (left.some((container) => container.folder === folder)) return
  }
  removeFolder(folder)
}

/** Removes a container with what runs in it; false if there is none of this name. */
async function removeContainer(engine: ContainerEngine, name: string): Promise<boolean> {
  // Podman would wait ten seconds for a program that does not listen.
  await engine.call(['kill', '--signal', 'KILL', name])
  const { stdout } = await engine.call(['rm', '--force', '--volumes', name])
  // Both engines print what was removed; the exit code is 0 in some versions if there is nothing.
  return stdout.trim() !== ''
}

/** What another user of the image wrote in folders of its own has to stay if this process is not root. */
function removeFolder(folder: string): void {
  try {
    if (folder !== '') rmSync(folder, { recursive: true, force: true })
  } catch (error) {
    if (!IS_FOREIGN.has(readErrorCode(error) ?? '')) throw error
  }
}

const IS_FOREIGN = new Set(['EACCES', 'EPERM'])
