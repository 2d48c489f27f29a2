import { parseJobName } from '../../core/job-name.ts'
import type { JobNews, JobState, Launcher, OpenJob } from '../../core/ports/launching.ts'

/*
 * What the launchers of EMR's services have in common: each service runs jobs in places (applications, clusters), and lists them by
 * pages with the names that they were launched under. A handle is `PLACE/JOB`.
 */

/** The clocks of the engine and of EMR. */
const SKEW_MS = 5 * 60_000

/** A job as its service lists it. */
export interface ListedJob {
  id: string
  name: string | undefined
  state: JobState
}

/** Which jobs of a place are listed. */
export interface WantedJobs {
  /** Only those that have not ended. */
  open?: true
  /** Only those that were not made before, in milliseconds since 1970. */
  since?: number
  cursor?: string | undefined
}

/** What one of EMR's services answers about its jobs. A place or a job that is gone has nothing, which is no error. */
export interface EmrService {
  /** So many jobs of a place are looked at by their ids; listing all that are open costs less for more. */
  readonly few: number
  /** The places of a target that is no place itself. @default it is one */
  expand?(target: string): Promise<string[]>
  /** One page. */
  list(place: string, wanted: WantedJobs): Promise<{ jobs: ListedJob[]; cursor?: string | undefined }>
  lookAt(place: string, ids: readonly string[]): Promise<Map<string, JobState>>
  cancel(place: string, id: string): Promise<void>
}

/** What a launcher of EMR's jobs has to know. */
export interface EmrPlaces {
  /** Names the deployment: applications and clusters may be used by others too. */
  deployment: string
  /** Those whose open jobs are listed, by their targets. */
  places: readonly string[]
}

/** Names a job in all places. */
export const makeEmrHandle = (place: string, id: string): string => `${place}/${id}`

/** Everything of a launcher but the launch itself. */
export function makeEmrJobs(
  service: EmrService,
  { deployment, places }: EmrPlaces,
): Omit<Launcher<never>, 'launch'> {
  async function* listAll(place: string, wanted: WantedJobs): AsyncGenerator<ListedJob> {
    let cursor: string | undefined
    do {
      const page = await service.list(place, { ...wanted, cursor })
      yield* page.jobs
      cursor = page.cursor
    } while (cursor !== undefined)
  }

  async function lookInPlace(place: string, ids: string[]): Promise<Map<string, JobState>> {
    const open = new Map<string, JobState>()
    if (ids.length > service.few)
      for await (const { id, state } of listAll(place, { open: true })) open.set(id, state)
    const others = await service.lookAt(
      place,
      ids.filter((id) => !open.has(id)),
    )
    return new Map([...open, ...others])
  }

  return {
    maxLook: 10_000,
    async look(handles) {
      const states = new Map<string, JobState>()
      for (const [place, all] of Map.groupBy(handles.map(parseHandle), (each) => each.place))
        for (const [id, state] of await lookInPlace(
          place,
          all.map(({ id }) => id),
        ))
          states.set(makeEmrHandle(place, id), state)
      return handles.map((handle) => states.get(handle))
    },
    async find({ token, target, since }) {
      for await (const { id, name } of listAll(target, { since: Math.max(0, since - SKEW_MS) }))
        if (parseJobName(deployment, name)?.token === token) return makeEmrHandle(target, id)
      return undefined
    },
    async stop(handle) {
      const { place, id } = parseHandle(handle)
      await service.cancel(place, id)
    },
    async list(cursor = '0/') {
      const [at = '0', rest = ''] = splitOnce(cursor)
      const index = Number(at)
      // A place that comes or goes between two pages is listed by the next sweep.
      const expanded = await Promise.all(places.map(async (each) => (await service.expand?.(each)) ?? [each]))
      const all = expanded.flat()
      const place = all[index]
      if (place === undefined) return { jobs: [] }
      const page = await service.list(place, { open: true, ...(rest === '' ? {} : { cursor: rest }) })
      const jobs = page.jobs.flatMap(({ id, name, state }): OpenJob[] => {
        const handover = parseJobName(deployment, name)
        const handle = makeEmrHandle(place, id)
        return state.is === 'ended' ? [] : [{ handle, ...(handover === undefined ? {} : { handover }) }]
      })
      if (page.cursor !== undefined) return { jobs, cursor: `${index}/${page.cursor}` }
      return { jobs, ...(index + 1 < all.length ? { cursor: `${index + 1}/` } : {}) }
    },
  }
}

/** What the event of a job tells. */
export interface ChangedJob {
  place: string
  id: string
  name?: string | null | undefined
}

/**
 * The state of a job of which an event has come. Events come late and in any order, and tell less than a look, so the job is looked at.
 * Undefined for a job that is none of the deployment.
 */
export async function readEmrNews(
  launcher: Pick<Launcher<never>, 'look'>,
  deployment: string,
  { place, id, name }: ChangedJob,
): Promise<JobNews | undefined> {
  const handover = parseJobName(deployment, name)
  if (handover === undefined) return undefined
  const handle = makeEmrHandle(place, id)
  const [state] = await launcher.look([handle])
  return state && { handle, handover, state }
}

function parseHandle(handle: string): { place: string; id: string } {
  const [place = '', id = ''] = splitOnce(handle)
  return { place, id }
}

const splitOnce = (text: string) => [text.slice(0, text.indexOf('/')), text.slice(text.indexOf('/') + 1)]

/** What EMR says if there were too many requests, also as a reason of something else. */
const RATE = /rate exceeded|too many requests|throttl/i

/** Whether an error of EMR only says that there were too many requests. */
export const isThrottled = (name: string, told: string): boolean => RATE.test(name) || RATE.test(told)
