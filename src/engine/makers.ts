import type { Stored } from '../core/change.ts'
import { keys } from '../core/keys.ts'
import type { Maker } from '../core/model.ts'
import type { Store } from '../core/ports.ts'
import { writeEach } from './context.ts'

/** A target, and the task that is to make it. */
export type Making = Omit<Maker, 'kind'>

/** Two tasks with one target: who is known to make it, and who was to make it as well. */
export interface Conflict {
  maker: Maker
  making: Making
}

/** A target that is to be noted, and who was known to make it. */
interface Want {
  making: Making
  before: Stored<Maker> | undefined
}

/** Whether a maker still makes its target, by the definitions of now; where it does not, it gives way. */
export type Stands = (maker: Maker, making: Making) => boolean

/** How many are read and written at a time: more requests at once would time each other out on DynamoDB. */
const PAGE = 500

/** Targets that another task is known to make. Writes nothing. */
export async function findConflicts(
  store: Pick<Store, 'read'>,
  makings: readonly Making[],
  stands: Stands,
): Promise<Conflict[]> {
  const known = await readMakers(store, makings)
  return makings.flatMap((making, index) => {
    const maker = known[index]
    return maker !== undefined && isOther(maker, making) && stands(maker, making) ? [{ maker, making }] : []
  })
}

/**
 * Notes who makes these targets, before anything runs. Of two planners that want one target for different tasks at the
 * same moment the first one wins. Returns the targets that stay another's.
 */
export async function recordMakers(
  store: Store,
  makings: readonly Making[],
  stands: Stands,
): Promise<Conflict[]> {
  const conflicts: Conflict[] = []
  for (let start = 0; start < makings.length; start += PAGE)
    conflicts.push(...(await recordPage(store, makings.slice(start, start + PAGE), stands)))
  return conflicts
}

async function recordPage(store: Store, makings: readonly Making[], stands: Stands): Promise<Conflict[]> {
  const conflicts: Conflict[] = []
  for (let left = makings; left.length > 0; ) {
    const known = await readMakers(store, left)
    const open = left.flatMap((making, index): Want[] => {
      const before = known[index]
      if (before === undefined) return [{ making, before }]
      if (!isOther(before, making)) return []
      if (!stands(before, making)) return [{ making, before }]
      conflicts.push({ maker: before, making })
      return []
    })
    for (const { making, before } of open)
      if (before !== undefined) await passDistrustOn(store, before, making)
    const results = await writeEach(
      store,
      open.map(({ making, before }) => ({
        key: keys.maker(making.uri),
        put: { kind: 'maker', ...making },
        if: before === undefined ? 'absent' : { version: before.version },
      })),
    )
    left = open.filter((_, index) => !results[index]?.ok).map(({ making }) => making)
  }
  return conflicts
}

const isOther = (maker: Maker, making: Making) => maker.taskId !== making.taskId

/** What the old maker left may be half a file, whoever makes it from now on. */
async function passDistrustOn(store: Store, before: Maker, { taskId }: Making): Promise<void> {
  const [lock] = await store.read([keys.lock(before.taskId)])
  if (!lock?.unproven) return
  await store.write([{ key: keys.lock(taskId), set: { kind: 'lock', taskId, unproven: true } }])
}

async function readMakers(
  store: Pick<Store, 'read'>,
  makings: readonly Making[],
): Promise<(Stored<Maker> | undefined)[]> {
  const found: (Stored<Maker> | undefined)[] = []
  for (let start = 0; start < makings.length; start += PAGE) {
    const page = makings.slice(start, start + PAGE).map(({ uri }) => keys.maker(uri))
    for (const record of await store.read(page)) found.push(record)
  }
  return found
}
