import { setTimeout as sleep } from 'node:timers/promises'
import type { Started, TasksActed } from '../../control/control.ts'
import { SluiceError } from '../../core/errors.ts'

/** How often what is left is tried again, and after how long: what is left is about to be put by the engine. */
const TRIES = 100
const AGAIN_MS = 200

/**
 * Sends an act until none of its tasks is left, and returns what all requests together have done. A request is refused if what was left
 * has changed by itself meanwhile, so that there is nothing to do any more, or more than was shown: what was done before stays told, with
 * what `countAffected` says is left. Throws what the first request throws.
 */
export async function actOnAll(
  send: () => Promise<TasksActed | Started>,
  countAffected: () => Promise<number>,
): Promise<TasksActed | Started> {
  let answer = await send()
  if (!('affected' in answer)) return answer
  const { run } = answer
  let { affected, left } = answer
  for (let tries = 0; tries < TRIES && left > 0; tries++) {
    if (answer.affected === 0) await sleep(AGAIN_MS)
    try {
      answer = await send()
    } catch (error) {
      if (affected === 0 || !(error instanceof SluiceError && error.code === 'invalid_usage')) throw error
      return { run, affected, left: await countAffected() }
    }
    // The run has ended meanwhile, and the next one was opened for it.
    if (!('affected' in answer)) return answer
    affected += answer.affected
    left = answer.left
  }
  return { run, affected, left }
}
