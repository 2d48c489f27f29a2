import { type EMRClient, ListClustersCommand } from '@aws-sdk/client-emr'
import { parseClusterTarget } from '../../../core/names.ts'
import type { LaunchRefusal } from '../../../core/ports/launching.ts'

/* Clusters that are named by their names. A cluster of a name comes and goes, and EMR lets several have one name. */

/** So long it is believed which clusters run, so that many launches at once ask once. */
const BELIEVED_MS = 30_000

/** Finds clusters that run steps by their names. */
export class ClusterFinder {
  readonly #client: EMRClient
  readonly #now: () => number
  #known: { until: number; idsByName: Promise<Map<string, string[]>> } | undefined
  /** Names of the clusters that were found, by their ids. */
  readonly #found = new Map<string, string>()

  constructor(client: EMRClient, now: () => number) {
    this.#client = client
    this.#now = now
  }

  /** The one cluster of a target; none is waited for, because a cluster may come up later than its steps are due. */
  async locate(target: string): Promise<{ is: 'located'; target: string } | LaunchRefusal> {
    const name = parseClusterTarget(target)
    if (name === undefined) return { is: 'located', target }
    const [id, ...others] = await this.idsOf(target)
    if (id === undefined)
      return { is: 'no_capacity', message: `no cluster ${JSON.stringify(name)} is running; it is waited for` }
    if (others.length > 0)
      return {
        is: 'invalid',
        message: `several clusters ${JSON.stringify(name)} are running (${[id, ...others].join(', ')}); end all but one, or name one by its id in \`cluster\` and deploy again, then retry`,
      }
    this.#found.set(id, name)
    return { is: 'located', target: id }
  }

  /** The clusters of a target that run steps now. */
  async idsOf(target: string): Promise<string[]> {
    const name = parseClusterTarget(target)
    if (name === undefined) return [target]
    if (this.#known === undefined || this.#known.until <= this.#now())
      this.#known = { until: this.#now() + BELIEVED_MS, idsByName: this.#listRunning() }
    try {
      return (await this.#known.idsByName).get(name) ?? []
    } catch (error) {
      this.#known = undefined
      throw error
    }
  }

  /** A cluster takes no more steps: the name that it was found by, which is looked for anew. */
  forget(id: string): string | undefined {
    const name = this.#found.get(id)
    this.#known = undefined
    this.#found.delete(id)
    return name
  }

  async #listRunning(): Promise<Map<string, string[]>> {
    const ids = new Map<string, string[]>()
    let marker: string | undefined
    do {
      const { Clusters = [], Marker } = await this.#client.send(
        new ListClustersCommand({
          ClusterStates: ['RUNNING', 'WAITING'],
          ...(marker === undefined ? {} : { Marker: marker }),
        }),
      )
      for (const { Id = '', Name = '' } of Clusters) ids.set(Name, [...(ids.get(Name) ?? []), Id])
      marker = Marker
    } while (marker !== undefined)
    return ids
  }
}
