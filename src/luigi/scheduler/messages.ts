import type { Json } from '../../core/json.ts'
import type { SchedulerState } from './state.ts'
import type { WorkerMessage } from './worker.ts'

/** Puts a message in the queue of a worker; its next ping gets it. */
export function queueMessage(state: SchedulerState, id: string, message: WorkerMessage, now: number): void {
  const worker = state.mentionWorker(id, now)
  state.updateWorker(worker, { messages: [...worker.messages, message] })
}

/** Notes that a worker lives. Returns its messages, which are gone from the queue. */
export function takeMessages(state: SchedulerState, id: string, now: number): readonly WorkerMessage[] {
  const worker = state.mentionWorker(id, now)
  const { messages } = worker
  state.updateWorker(worker, { lastActive: now, messages: [] })
  return messages
}

/** Keeps what a task answers to a message. */
export function keepResponse(state: SchedulerState, id: string, messageId: string, response: Json): void {
  const task = state.task(id)
  if (task === undefined) return
  state.update(task, { responses: { ...task.responses, [messageId]: response } })
}

/** Returns what a task has answered to a message, once; null if there is nothing. */
export function takeResponse(state: SchedulerState, id: string, messageId: string): Json {
  const task = state.task(id)
  if (task === undefined || !Object.hasOwn(task.responses, messageId)) return null
  const { [messageId]: response = null, ...responses } = task.responses
  state.update(task, { responses })
  return response
}
