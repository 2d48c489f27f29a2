import pMap from 'p-map'
import { findStandingRecord, type Stored, type WriteResult } from '../core/change.ts'
import { splitIntoChunks } from '../core/chunks.ts'
import type { FoundTask } from '../core/graph.ts'
import { hashTargetUri } from '../core/identity.ts'
import { type Key, keys } from '../core/keys.ts'
import { mustHave } from '../core/must-have.ts'
import type { Store } from '../core/ports/deciding.ts'
import type { Lock } from '../core/records/lock-and-limit.ts'
import type { Maker } from '../core/records/task-run.ts'
import { writeChangesSingly } from './context.ts'

/** A target, and the task that is to make it. */
export interface Making {
  uri: string
  task: Pick<FoundTask, 'id' | 'family' | 'params' | 'label'>
  /** The pipeline of the plan that it is a command of. */
  plan?: string
}

/** Two tasks with one target: who is known to make it, and who was to make it as well. */
export interface Conflict {
  maker: Maker
  making: Making
}

/** A target that is to be noted, and who is known to make it. */
interface MakerHandover {
  making: Making
  before: Stored<Maker>
}

/** Whether a maker still makes its target, by the definitions of now; if it does not, it gives way. */
export type Stands = (maker: Maker, making: Making) => boolean

/** How many are read and written at a time: more requests at once would time each other out on DynamoDB. */
const PAGE = 500

/** Targets that another task is known to make. Writes nothing. */
export async function findMakerConflicts(
  store: Pick<Store, 'read'>,
  makings: readonly Making[],
  stands: Stands,
): Promise<Conflict[]> {
  const conflicts: Conflict[] = []
  for (const page of splitIntoChunks(makings, PAGE)) {
    const makers = await store.read(page.map(({ uri }) => keys.maker(uri)))
    page.forEach((making, index) => {
      const maker = makers[index]
      if (maker !== undefined && isOther(maker, making) && stands(maker, making))
        conflicts.push({ maker, making })
    })
  }
  return conflicts
}

/**
 * Notes who makes these targets, before anything runs. Of two planners that want one target for different tasks at the
 * same moment the first one wins. Returns the targets that stay another's.
 */
export async function recordTargetMakers(
  store: Store,
  makings: readonly Making[],
  stands: Stands,
): Promise<Conflict[]> {
  const conflicts: Conflict[] = []
  for (const page of generatePages(makings)) conflicts.push(...(await recordPage(store, page, stands)))
  return conflicts
}

/** A target with the key of its maker, which is a hash and takes as long to find as to read. */
interface KeyedMaking {
  making: Making
  key: Key<'maker'>
}

/**
 * Pages of targets whose keys are near each other. Keys are hashes, so in any other order each page would touch the whole
 * index of a store that is one file.
 */
function* generatePages(makings: readonly Making[]): Generator<KeyedMaking[]> {
  const all = makings.map(({ uri }) => keys.maker(uri))
  for (const numbers of splitIntoChunks(orderNearEachOther(all), PAGE))
    yield numbers.map((number) => ({
      making: mustHave(makings[number], 'target'),
      key: mustHave(all[number], 'key'),
    }))
}

/** The first digits of a key's hash, which put it near others; a few that share them are in no order. */
const [NEAR_FROM, NEAR_TO] = ['maker/'.length, 'maker/000000'.length]
/** More than a plan has outputs; above it is room for six hexadecimal digits in a number that is exact. */
const COUNT = 2 ** 28

/** Numbers of the keys, in the order of their first digits. Numbers are sorted in a tenth of the time of texts. */
function orderNearEachOther(all: readonly Key<'maker'>[]): number[] {
  const places = Float64Array.from(all, (key, number) => {
    return Number.parseInt(key.slice(NEAR_FROM, NEAR_TO), 16) * COUNT + number
  })
  return Array.from(places.sort(), (place) => place % COUNT)
}

const makeMaker = ({ task: { id, family, params, label }, plan }: Making): Maker =>
  plan === undefined
    ? { kind: 'maker', taskId: id, family, params }
    : { kind: 'maker', taskId: id, family, params, label, plan }

/** Most targets have no maker yet, so that it is put without looking first. */
async function recordPage(store: Store, page: readonly KeyedMaking[], stands: Stands): Promise<Conflict[]> {
  const conflicts: Conflict[] = []
  const noted = await writeChangesSingly(
    store,
    page.map(({ making, key }) => ({ key, put: makeMaker(making), if: 'absent' })),
  )
  for (
    let left = page.flatMap(({ making }, index) => findKnownMakers(making, noted[index]));
    left.length > 0;
  ) {
    const open = left.filter(({ making, before }) => {
      if (!isOther(before, making)) return false
      if (!stands(before, making)) return true
      conflicts.push({ maker: before, making })
      return false
    })
    const results = await pMap(open, ({ making, before }) => handOver(store, making, before), {
      concurrency: AT_ONCE,
    })
    left = open.flatMap(({ making }, index) => findKnownMakers(making, results[index]))
  }
  return conflicts
}

/** The maker that stood where a write failed; makers are never removed. */
function findKnownMakers(making: Making, result: WriteResult | undefined): MakerHandover[] {
  const before = result === undefined ? undefined : findStandingRecord(result, 'maker')
  return before === undefined ? [] : [{ making, before }]
}

/** Hand-overs at once: each is a transaction. */
const AT_ONCE = 50

/**
 * Hands a target over, in one transaction: a run that was opened before may still want its old maker to run. From now on no
 * attempt of the old maker begins, and none of the new one while one of the old maker runs. What the old maker left may be
 * half a file.
 */
async function handOver(store: Store, making: Making, before: Stored<Maker>): Promise<WriteResult> {
  const { uri } = making
  const taskId = making.task.id
  const [oldKey, newKey] = [keys.lock(before.taskId), keys.lock(taskId)]
  const hash = hashTargetUri(uri)
  for (;;) {
    const [old, next] = await store.read([oldKey, newKey])
    const isUnproven = old?.unproven === true || old?.holder !== undefined
    const result = await store.write([
      { key: keys.maker(uri), put: makeMaker(making), if: { version: before.version } },
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

const isOther = (maker: Maker, making: Making) => maker.taskId !== making.task.id

const splitWords = (words = '') => words.split(' ').filter((each) => each !== '')
const withWord = (words: string | undefined, word: string) =>
  [...new Set([...splitWords(words), word])].join(' ')
const withoutWord = (words: string | undefined, word: string) =>
  [...new Set(splitWords(words))].filter((each) => each !== word).join(' ') || undefined

/** The first of these targets that another task makes now. */
export const findLostTarget = (
  lock: Pick<Lock, 'lost'> | undefined,
  outputs: readonly string[],
): string | undefined => {
  const lost = splitWords(lock?.lost)
  return lost.length === 0 ? undefined : outputs.find((uri) => lost.includes(hashTargetUri(uri)))
}

/** The attempt of a task that made one of its targets before and still runs. */
export async function readRunningMaker(
  store: Pick<Store, 'read'>,
  lock: Pick<Lock, 'after'> | undefined,
): Promise<string | undefined> {
  const before = splitWords(lock?.after)
  if (before.length === 0) return undefined
  const locks = await store.read(before.map(keys.lock))
  return locks.find((each) => each?.holder !== undefined)?.holder
}
