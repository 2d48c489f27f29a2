import { randomUUID } from 'node:crypto'
import { systemClock } from '../../adapters/system/clock.ts'
import type { Home } from '../../control/home.ts'
import type { Stored } from '../../core/change.ts'
import { SluiceError } from '../../core/errors.ts'
import type { PlanHeader, PlannedTask } from '../../core/plan.ts'
import { type Plans, type Storage, type Store, typedStore } from '../../core/ports.ts'
import { deployedLimits } from '../../homes/aws/limits.ts'
import type { Project } from '../../project/load-config.ts'
import type { Api } from './client.ts'

/** Records of one call to the API: a function answers with 6 MB at most. */
const PAGE = 1_000
/** Planned tasks of one call; they are larger. */
const PLANNED = 500

/** A deployment to look at: every command that looks works on it as on the state of this machine. */
export function remoteHome(api: Api, project: Project): Home {
  const store = remoteStore(api)
  const storage = new Proxy({} as Storage, { get: notHere })
  const surroundings = { storage, markers: { read: async (ids: string[]) => ids.map(() => undefined) } }
  const completeness = { areComplete: notHere }
  return {
    context: {
      ports: {
        store,
        plans: remotePlans(api),
        feed: { take: async () => [], acknowledge: async () => {} },
        queue: new Proxy({} as Home['context']['ports']['queue'], { get: notHere }),
        completeness,
        runner: { run: notHere, beat() {}, async close() {} },
        clock: systemClock(),
        chance: { nonce: randomUUID, random: Math.random },
        isGone: async () => false,
      },
      settings: {
        worker: 'command',
        leaseMs: 0,
        heartbeatMs: 0,
        skewMs: 0,
        auditMs: 0,
        limits: deployedLimits(project.limits),
        defaultMemoryMb: 0,
        largestMemoryMb: 0,
      },
    },
    logs: new Proxy({} as Home['logs'], { get: notHere }),
    secrets: { get: async () => undefined, isSet: async () => true, hint: () => '' },
    surroundings,
    definitions: {
      tasks: project.tasks,
      limits: project.limits,
      surroundings,
      storageFolder: '',
      completeness,
      store,
    },
    async close() {},
  }
}

function notHere(): never {
  throw new SluiceError('internal', 'this is not done from here, but by the deployment')
}

function remoteStore(api: Api): Store {
  return typedStore({
    async read(keys) {
      const found: (Stored | undefined)[] = []
      for (let start = 0; start < keys.length; start += PAGE) {
        const page = keys.slice(start, start + PAGE)
        const { records } = await api.post<{ records: (Stored | null)[] }>('/ports/read', { keys: page })
        found.push(...records.map((record) => record ?? undefined))
      }
      return found
    },
    async list({ prefix, after, limit = Number.POSITIVE_INFINITY, consistency }) {
      const all: { key: string; record: Stored }[] = []
      let from = after
      for (;;) {
        const wanted = Math.min(PAGE, limit - all.length)
        const query = { prefix, limit: wanted, consistency, ...(from === undefined ? {} : { after: from }) }
        const { listed } = await api.post<{ listed: typeof all }>('/ports/list', query)
        all.push(...listed)
        if (listed.length < wanted || all.length >= limit) return all
        from = listed.at(-1)?.key
      }
    },
    write: notHere,
    due: notHere,
  })
}

function remotePlans(api: Api): Plans {
  return {
    async header(run) {
      const { header } = await api.post<{ header: PlanHeader | null }>('/ports/plans', { run })
      return header ?? undefined
    },
    async tasks(run, numbers) {
      const tasks: PlannedTask[] = []
      for (let start = 0; start < numbers.length; start += PLANNED) {
        const page = numbers.slice(start, start + PLANNED)
        tasks.push(
          ...(await api.post<{ tasks: PlannedTask[] }>('/ports/plans', { run, numbers: page })).tasks,
        )
      }
      return tasks
    },
    save: notHere,
    extend: notHere,
    remove: notHere,
  }
}
