import { readErrorMessage, SluiceError } from '../../core/errors.ts'
import type { Ending, Job, Runner } from '../../core/ports/working.ts'
import { getContainerProgram } from '../../core/program.ts'
import { type Attempt, type AttemptKind, type AttemptOptions, makeAttemptRunner } from '../attempt.ts'
import { type ContainerEngine, findContainerEngine } from './container-engine.ts'
import { ContainerImages, type ReadyImage } from './container-image.ts'
import { removeAbandonedContainers, removeForgottenContainers } from './container-leftovers.ts'
import { hasHadContainers, markContainers } from './container-mark.ts'
import type { PreparedContainer } from './container-spec.ts'
import { RunningContainer } from './running-container.ts'

/*
 * Attempts in containers of this machine. A container outlives the process that started it: the next attempt of its task adopts
 * it, so that a program that runs for hours is not run twice because its engine was killed.
 */

/** What the runner is composed of. */
export interface ContainerRunnerOptions extends AttemptOptions {
  /** Path of the state folder: containers of other states are left alone. */
  state: string
  /** Values of secrets by environment variable, and results of the tasks without output that it reads, by URI. */
  prepare(job: Job): Promise<PreparedContainer>
  /** Whether a process of a shell is certainly gone. */
  isGone(process: string): Promise<boolean>
  /** Keeps the container of an attempt that has failed for a person to look at. @default it is removed */
  keepsFailed?: boolean
  /** Pulls or builds each image once more at its first use. @default only what is missing */
  renewsImages?: boolean
  /** What a program wrote into the file of its dynamic dependencies. */
  readYield(path: string, job: Job): Promise<NonNullable<Ending['yielded']>>
}

/** Runs programs in containers, by Docker or Podman. */
export function makeContainerRunner(options: ContainerRunnerOptions): Runner {
  const images = new ContainerImages({ renews: options.renewsImages === true })
  const kind: AttemptKind<PreparedContainer> = {
    prepare: options.prepare,
    async start(attempt, prepared) {
      try {
        const engine = await findContainerEngine()
        markContainers(options.state)
        const { image, pullingAt } = await getImage(engine.within(attempt.signal), images, attempt, prepared)
        const times = { ...(pullingAt === undefined ? {} : { pullingAt }), startingAt: Date.now() }
        return await RunningContainer.start(attempt, { engine, image, times, prepared, options })
      } catch (error) {
        if (error instanceof SluiceError) throw error
        throw new Error(`the container could not be started: ${readErrorMessage(error)}`, { cause: error })
      }
    },
  }
  return {
    ...makeAttemptRunner(kind, options),
    async endAbandoned(isOpen) {
      // A state that never had a container does not ask the engine, which may not even be installed.
      if (!hasHadContainers(options.state)) return
      const engine = await findContainerEngine().catch(() => undefined)
      if (engine !== undefined)
        await removeAbandonedContainers(engine, options.state, { isOpen, isGone: options.isGone })
    },
    close: async () => {},
  }
}

/** Removes the containers of a state that were kept for runs that are forgotten; returns how many. */
export async function removeKeptContainers(
  state: string,
  isForgotten: (run: string) => Promise<boolean>,
): Promise<number> {
  if (!hasHadContainers(state)) return 0
  const engine = await findContainerEngine().catch(() => undefined)
  return engine === undefined ? 0 : removeForgottenContainers(engine, state, isForgotten)
}

async function getImage(
  engine: ContainerEngine,
  images: ContainerImages,
  attempt: Attempt,
  { buildSecrets = {} }: PreparedContainer,
): Promise<{ image: ReadyImage; pullingAt?: number }> {
  const pullingAt = Date.now()
  let hasWorked = false
  const image = await images.get(engine, getContainerProgram(attempt.job.task).image, {
    signal: attempt.signal,
    buildSecrets,
    onText: (from, text) => attempt.output.push(from, text),
    onProgress(progress) {
      hasWorked = true
      attempt.onProgress(progress)
    },
  })
  if (!hasWorked) return { image }
  attempt.onProgress({ done: 0, text: 'running' })
  return { image, pullingAt }
}
