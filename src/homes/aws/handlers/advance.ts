import type { Home } from '../../../control/home.ts'
import type { Key } from '../../../core/keys.ts'
import type { FeedEvent } from '../../../core/ports/deciding.ts'
import type { Run } from '../../../core/records/run.ts'
import { isRunOpen } from '../../../core/records/status.ts'
import { handleChangedRecords, handleEvents } from '../../../engine/advance.ts'
import { type Answers, answerExecutions } from './answer.ts'

/** What advancing does beside the engine. */
export interface AdvanceParts {
  home: Home
  answers: Answers
  /** Tries again later, and alarms if that does not help. */
  repair(keys: string[]): Promise<void>
  /** Counts the end of a run. */
  onRunEnd(run: Run): void
  /** Pools that were sent messages: containers are launched if they are missing. */
  wake(): Promise<void>
}

const TRIES = 3

/**
 * Does what changes of records ask for: the only sender of messages and the only resolver. If a batch fails, each of
 * its records is tried alone, and what still fails goes aside, so that one bad record does not block its shard.
 */
export function makeAdvanceHandler({ home, answers, repair, wake, onRunEnd }: AdvanceParts) {
  async function handle(events: FeedEvent[]): Promise<void> {
    await handleEvents(home.context, events)
    for (const { image } of events)
      if (image?.kind === 'run' && !isRunOpen(image.status)) {
        await answerExecutions(home, answers, image)
        onRunEnd(image)
      }
  }

  async function handleAlone(event: FeedEvent): Promise<boolean> {
    for (let tries = 0; tries < TRIES; tries++)
      try {
        await handle([event])
        return true
      } catch (error) {
        console.error(`${event.key} could not be handled: ${error}`)
      }
    return false
  }

  return async (events: FeedEvent[]): Promise<void> => {
    if (events.length === 0) return
    try {
      await handle(events)
    } catch (error) {
      console.error(`${events.length} changes could not be handled together: ${error}`)
      const done = await Promise.all(events.map(handleAlone))
      const failed = events.filter((_, index) => !done[index]).map(({ key }) => key)
      if (failed.length > 0) await repair(failed)
    }
    await wake()
  }
}

/** Handles a record that went aside. */
export function makeRepairHandler({ home, answers }: Pick<AdvanceParts, 'home' | 'answers'>) {
  return async (key: Key): Promise<void> => {
    await handleChangedRecords(home.context, [key])
    const [record] = await home.context.ports.store.read([key])
    if (record?.kind === 'run' && !isRunOpen(record.status)) await answerExecutions(home, answers, record)
  }
}
