import { keys, type Marker } from '../core/model.ts'
import type { Store } from '../core/ports.ts'
import type { Markers } from '../define/targets/marker.ts'

/** The markers that a store holds. */
export function markersIn(store: Pick<Store, 'read'>): Markers {
  return {
    async read(ids) {
      const records = await store.read(ids.map(keys.marker))
      return records.map((record) => record && { result: (record as unknown as Marker).result })
    },
  }
}
