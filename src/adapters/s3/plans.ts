import { randomUUID } from 'node:crypto'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  NoSuchKey,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { LRUCache } from 'lru-cache'
import pMap from 'p-map'
import { readErrorName } from '../../core/errors.ts'
import { MissingTaskError, type PlanHeader, type PlannedTask } from '../../core/plan.ts'
import { parsePlanSlice, serializePlanSlice } from '../../core/plan-slice.ts'
import { PLAN_SLICE, type Plans } from '../../core/ports/deciding.ts'
import { listAllKeys } from './listing.ts'

/** What makes a plan stand: the planner that puts this first has the plan; slices are under its name. */
interface Cover {
  name: string
  header: PlanHeader
}

const PARALLEL = 16
/** Covers and slices that are kept in memory: plans do not change. */
const KEPT = 200

/**
 * Plans as objects of 100 tasks each below `prefix`. Slices of a planner are under a name of its own, and the cover is
 * put last and only once, so that two planners never mix.
 */
export function makeS3Plans(client: S3Client, Bucket: string, prefix: string): Plans {
  const covers = new LRUCache<string, Cover>({ max: KEPT })
  const slices = new LRUCache<string, Promise<PlannedTask[] | undefined>>({ max: KEPT })
  const coverKey = (run: string) => `${prefix}${run}/cover.json`
  const sliceKey = (run: string, part: string, slice: number) => `${prefix}${run}/${part}/${slice}.json`

  /** False if an object is there already. */
  async function put(Key: string, Body: string, onlyFirst: boolean): Promise<boolean> {
    try {
      await client.send(
        new PutObjectCommand({ Bucket, Key, Body, ...(onlyFirst ? { IfNoneMatch: '*' } : {}) }),
      )
      return true
    } catch (error) {
      const name = readErrorName(error)
      if (name === 'PreconditionFailed' || name === 'ConditionalRequestConflict') return false
      throw error
    }
  }

  async function get(Key: string): Promise<string | undefined> {
    try {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }))
      return await Body?.transformToString()
    } catch (error) {
      if (error instanceof NoSuchKey) return undefined
      throw error
    }
  }

  async function putSlices(
    run: string,
    part: string,
    tasks: PlannedTask[],
    onlyFirst: boolean,
  ): Promise<void> {
    const parts = [...Map.groupBy(tasks, ({ number }) => Math.floor(number / PLAN_SLICE))]
    await pMap(
      parts,
      ([slice, some]) => put(sliceKey(run, part, slice), serializePlanSlice(some), onlyFirst),
      { concurrency: PARALLEL },
    )
  }

  async function coverOf(run: string): Promise<Cover | undefined> {
    const known =
      covers.get(run) ?? parseIfPresent(await get(coverKey(run)), (text): Cover => JSON.parse(text))
    if (known === undefined) return undefined
    covers.set(run, known)
    return known
  }

  /** A slice that is not there may come, so only what is there is remembered. */
  function sliceOf(key: string): Promise<PlannedTask[] | undefined> {
    const known = slices.get(key)
    if (known !== undefined) return known
    const read = get(key).then((text) => parseIfPresent(text, parsePlanSlice))
    slices.set(key, read)
    const forget = () => slices.delete(key)
    read.then((slice) => slice ?? forget(), forget)
    return read
  }

  async function tasksOf(run: string, cover: Cover | undefined, slice: number): Promise<PlannedTask[]> {
    const isBase = cover !== undefined && slice * PLAN_SLICE < cover.header.size
    return (await sliceOf(sliceKey(run, isBase ? cover.name : 'more', slice))) ?? []
  }

  return {
    async save(run, plan) {
      const name = randomUUID()
      await putSlices(run, name, plan.tasks, false)
      const cover: Cover = { name, header: plan.header }
      return put(coverKey(run), JSON.stringify(cover), true)
    },
    header: async (run) => (await coverOf(run))?.header,
    async tasks(run, numbers) {
      if (numbers.length === 0) return []
      const cover = await coverOf(run)
      const wanted = [...new Set(numbers.map((number) => Math.floor(number / PLAN_SLICE)))]
      const read = await pMap(wanted, (slice) => tasksOf(run, cover, slice), { concurrency: PARALLEL })
      const found = new Map(read.flat().map((task) => [task.number, task]))
      return numbers.map((number) => {
        const task = found.get(number)
        if (task === undefined) throw new MissingTaskError(run, number)
        return task
      })
    },
    extend: (run, _base, tasks) => putSlices(run, 'more', tasks, true),
    async remove(run) {
      const keys = [
        ...(await listAllKeys(client, Bucket, `${prefix}${run}/`)),
        ...(await listAllKeys(client, Bucket, `${prefix}${run}~`)),
      ]
      for (const Key of keys) await client.send(new DeleteObjectCommand({ Bucket, Key }))
      covers.clear()
      slices.clear()
    },
  }
}

const parseIfPresent = <T>(text: string | undefined, parse: (text: string) => T): T | undefined =>
  text === undefined ? undefined : parse(text)
