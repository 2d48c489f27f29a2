import type { Stored, WriteResult } from '../core/change.ts'
import { hashTargetUri } from '../core/identity.ts'
import { keys } from '../core/keys.ts'
import type { Lock, Maker } from '../core/model.ts'
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
    const results = await recordEach(store, open)
    left = open.filter((_, index) => !results[index]?.ok).map(({ making }) => making)
  }
  return conflicts
}

/** Hand-overs at once: each is a transaction. */
const AT_ONCE = 50

/** Notes the makers of targets that none is known to make together; each of the others is handed over on its own. */
async function recordEach(store: Store, wants: readonly Want[]): Promise<WriteResult[]> {
  const results = new Map<Want, WriteResult>()
  const free = wants.filter(({ before }) => before === undefined)
  const noted = await writeEach(
    store,
    free.map(({ making }) => ({
      key: keys.maker(making.uri),
      put: { kind: 'maker', ...making },
      if: 'absent',
    })),
  )
  free.forEach((want, index) => {
    results.set(want, noted[index] as WriteResult)
  })
  const taken = wants.filter(({ before }) => before !== undefined)
  for (let start = 0; start < taken.length; start += AT_ONCE)
    await Promise.all(
      taken.slice(start, start + AT_ONCE).map(async (want) => {
        results.set(want, await handOver(store, want.making, want.before as Stored<Maker>))
      }),
    )
  return wants.map((want) => results.get(want) as WriteResult)
}

/**
 * Hands a target over, in one transaction: a run that was opened before may still want its old maker to run. From now on no
 * attempt of the old maker begins, and none of the new one while one of the old maker runs. What the old maker left may be
 * half a file.
 */
async function handOver(store: Store, making: Making, before: Stored<Maker>): Promise<WriteResult> {
  const { taskId, uri } = making
  const [oldKey, newKey] = [keys.lock(before.taskId), keys.lock(taskId)]
  const hash = hashTargetUri(uri)
  for (;;) {
    const [old, next] = await store.read([oldKey, newKey])
    const isUnproven = old?.unproven === true || old?.holder !== undefined
    const result = await store.write([
      { key: keys.maker(uri), put: { kind: 'maker', ...making }, if: { version: before.version } },
      {
        key: oldKey,
        set: { kind: 'lock', taskId: before.taskId, lost: withWord(old?.lost, hash) },
        if: { version: old?.version },
      },
      {
        key: newKey,
        set: {
          kind: 'lock',
          taskId,
          lost: withoutWord(next?.lost, hash),
          // The old maker may itself have waited for one before it.
          after: withoutWord([next?.after, old?.after, before.taskId].join(' '), taskId),
          ...(isUnproven ? { unproven: true } : {}),
        },
        if: { version: next?.version },
      },
    ])
    // The locks may have changed, which says nothing about the target.
    if (result.ok || result.failures.some(({ index }) => index === 0)) return result
  }
}

const isOther = (maker: Maker, making: Making) => maker.taskId !== making.taskId

const wordsOf = (words = '') => words.split(' ').filter((each) => each !== '')
const withWord = (words: string | undefined, word: string) =>
  [...new Set([...wordsOf(words), word])].join(' ')
const withoutWord = (words: string | undefined, word: string) =>
  [...new Set(wordsOf(words))].filter((each) => each !== word).join(' ') || undefined

/** The first of these targets that another task makes now. */
export const findLostTarget = (
  lock: Pick<Lock, 'lost'> | undefined,
  outputs: readonly string[],
): string | undefined => {
  const lost = wordsOf(lock?.lost)
  return lost.length === 0 ? undefined : outputs.find((uri) => lost.includes(hashTargetUri(uri)))
}

/** The attempt of a task that made one of its targets before and still runs. */
export async function readRunningMaker(
  store: Pick<Store, 'read'>,
  lock: Pick<Lock, 'after'> | undefined,
): Promise<string | undefined> {
  const before = wordsOf(lock?.after)
  if (before.length === 0) return undefined
  const locks = await store.read(before.map(keys.lock))
  return locks.find((each) => each?.holder !== undefined)?.holder
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
