import { makeRequestId } from '../../core/identity.ts'
import type { Json } from '../../core/json.ts'
import { isTrivialWorker } from './choose-task.ts'
import { makeResourcesKey } from './ready-tasks.ts'
import { setTaskStatus } from './set-status.ts'
import type { SchedulerState } from './state.ts'
import type { LuigiTask } from './task.ts'
import type { Batcher, LuigiWorker } from './worker.ts'

/** The tasks that are handed out together with this one, which comes first. */
export function collectBatch(state: SchedulerState, worker: LuigiWorker, first: LuigiTask): LuigiTask[] {
  const batcher = findBatcher(state, worker, first)
  if (batcher === undefined) return [first]
  const members: LuigiTask[] = []
  const isOwnAlone = isTrivialWorker(state, worker)
  for (const task of state.ready.batchFrom(first)) {
    if (members.length >= batcher.maxSize && members.length > 0) break
    if (isOwnAlone && !task.workers.has(worker.id)) continue
    if (task === first || isLike(task, first, batcher)) members.push(task)
  }
  return members
}

function findBatcher(state: SchedulerState, worker: LuigiWorker, task: LuigiTask): Batcher | undefined {
  if (!task.batchable) return undefined
  const batcher = state.batchers.find(worker.id, task.family)
  return batcher?.params.every((name) => Object.hasOwn(task.params, name)) ? batcher : undefined
}

/** Whether two tasks differ only in what a batch puts together. */
function isLike(task: LuigiTask, first: LuigiTask, { params }: Batcher): boolean {
  return (
    makeResourcesKey(task.resources) === makeResourcesKey(first.resources) &&
    Object.entries(first.params).every(
      ([name, value]) => params.includes(name) || isSame(task.params[name], value),
    )
  )
}

const isSame = (a: Json | undefined, b: Json) => a === b || JSON.stringify(a) === JSON.stringify(b)

/** Hands out tasks as one batch, which the worker will add as one task. Returns its id. */
export function startBatch(
  state: SchedulerState,
  members: LuigiTask[],
  worker: LuigiWorker,
  now: number,
): string {
  const batchId = makeRequestId('batch', { ids: members.map(({ id }) => id) })
  for (const task of members) {
    setTaskStatus(state, task, 'BATCH_RUNNING', now)
    state.update(task, {
      batchId,
      workerRunning: worker.id,
      resourcesRunning: { ...task.resources },
      timeRunning: now,
    })
  }
  return batchId
}

/** The parameters of a batch: those that differ are lists, in the order of the members. */
export function makeBatchParams(
  state: SchedulerState,
  worker: LuigiWorker,
  members: readonly LuigiTask[],
): Record<string, Json> {
  const [first] = members
  const batched = state.batchers.find(worker.id, first?.family ?? '')?.params ?? []
  return Object.fromEntries(
    Object.entries(first?.params ?? {}).map(([name, value]) => [
      name,
      batched.includes(name) ? members.map(({ params }) => params[name] ?? null) : value,
    ]),
  )
}

/** Puts back what was handed out as a batch that its worker never began: the answer was lost. */
export function returnLostBatches(state: SchedulerState, worker: LuigiWorker, now: number): void {
  const heads = new Set([...state.withStatus('RUNNING')].map(({ batchId }) => batchId))
  for (const task of [...state.withStatus('BATCH_RUNNING')]) {
    if (task.workerRunning !== worker.id || heads.has(task.batchId)) continue
    setTaskStatus(state, task, 'PENDING', now)
    state.update(task, { batchId: null })
  }
}
