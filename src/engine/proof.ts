import { type Key, keys } from '../core/keys.ts'
import type { Store } from '../core/ports/deciding.ts'
import type { Lock } from '../core/records/lock-and-limit.ts'

/** A task whose targets are there. */
export interface TaskWithTargets {
  id: string
  outputs: readonly string[]
}

/**
 * Of tasks whose targets are there, the ids of those whose targets prove nothing: an attempt has begun that has not
 * succeeded (yet), and no other has since, be it of this task or of another one that made the target before (the same
 * command with other arguments). A target that no attempt of this state has touched is believed.
 */
export async function findUnprovenTasks(
  store: Pick<Store, 'read'>,
  tasks: readonly TaskWithTargets[],
): Promise<Set<string>> {
  const uris = tasks.flatMap(({ outputs }) => outputs)
  const [marked, makers] = await Promise.all([
    findUnprovenLocks(
      store,
      tasks.map(({ id }) => id),
    ),
    store.read(uris.map(keys.maker)),
  ])
  const others: { id: string; maker: string }[] = []
  const found = makers.values()
  for (const { id, outputs } of tasks)
    for (const _ of outputs) {
      const maker = found.next().value?.taskId
      if (maker !== undefined && maker !== id) others.push({ id, maker })
    }
  const theirs = await findUnprovenLocks(store, [...new Set(others.map(({ maker }) => maker))])
  return new Set([...marked, ...others.flatMap(({ id, maker }) => (theirs.has(maker) ? [id] : []))])
}

async function findUnprovenLocks(store: Pick<Store, 'read'>, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set()
  const locks = await store.read(ids.map(keys.lock))
  const marked = locks.flatMap((lock) => (lock?.unproven ? [lock] : []))
  const unproven = new Set(marked.map(({ taskId }) => taskId))
  for (const id of await findJustSucceeded(store, marked)) unproven.delete(id)
  return unproven
}

/** A lock is freed a moment after its attempt has ended; until then the task run says how. */
async function findJustSucceeded(store: Pick<Store, 'read'>, locks: Lock[]): Promise<string[]> {
  const held = locks.filter(({ holder }) => holder !== undefined)
  if (held.length === 0) return []
  const holders = await store.read(held.map(parseHoldingTask))
  return held.filter((_, index) => holders[index]?.status === 'succeeded').map(({ taskId }) => taskId)
}

function parseHoldingTask({ holder = '' }: Lock): Key<'task'> {
  const [run = '', number = ''] = holder.split('/')
  return keys.taskRun(run, Number(number))
}
