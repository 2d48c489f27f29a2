import type { Surroundings } from '../body/outputs.ts'
import { keys } from '../core/keys.ts'
import type { Store } from '../core/ports/deciding.ts'
import type { Storage } from '../core/ports/working.ts'
import type { Markers } from '../define/targets/marker.ts'
import { findUnprovenTasks } from '../engine/proof.ts'

/** A storage, with what a store knows of tasks: their markers, and whose targets prove nothing. */
export function makeSurroundings(store: Pick<Store, 'read'>, storage: Storage): Surroundings {
  return { storage, markers: makeMarkers(store), findUnproven: (tasks) => findUnprovenTasks(store, tasks) }
}

/** The markers that a store holds. */
export function makeMarkers(store: Pick<Store, 'read'>): Markers {
  return {
    async read(ids) {
      const records = await store.read(ids.map(keys.marker))
      return records.map((record) => record && { result: record.result })
    },
  }
}
