import type { OnText } from './container-output.ts'
import type { ContainerEnd } from './container-run.ts'

/*
 * What the keeper needs to know of the container beside it. The keeper stands in the same ECS task as the program of the user; it can
 * see and stop the task, and does not start the program itself: ECS does, as soon as the keeper says that it is ready.
 */

/** How the container beside the keeper has ended. */
export interface KeptEnd extends ContainerEnd {
  /** Digest of the image that ran, if ECS tells it. */
  digest?: string
  /** The whole ECS task was being stopped when it ended, by whomever. */
  isTaskStopping: boolean
}

/** The container of the user's program, beside the keeper. */
export interface KeptContainer {
  /** Takes what the program prints. `close` waits until all of it was taken. */
  listen(onText: OnText): Promise<{ close(): Promise<void> }>
  /** Lets ECS start the program. */
  letStart(): void
  /** Resolves when it has ended. */
  waitForEnd(): Promise<KeptEnd>
  /** Stops the ECS task: the program first, which is killed when its time to stop is over, then the keeper. */
  stop(): Promise<void>
}
