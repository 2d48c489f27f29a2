import {
  CancelStepsCommand,
  type CancelStepsOutput,
  DescribeClusterCommand,
  type EMRClient,
  ListStepsCommand,
  type ListStepsInput,
  type ListStepsOutput,
} from '@aws-sdk/client-emr'
import { splitIntoChunks } from '../../../core/chunks.ts'
import { OWN_CLUSTER, parseClusterTarget } from '../../../core/names.ts'
import type { JobState, Launcher, LaunchQuery } from '../../../core/ports/launching.ts'
import type { StepDetails } from '../../../core/program.ts'
import { type EmrPlaces, type EmrService, type ListedJob, makeEmrJobs } from '../jobs.ts'
import { addStep, hasEnded, isInvalidRequest, refuseStep } from './add-step.ts'
import { ClusterFinder } from './find-cluster.ts'
import { OwnClusters, refuseCluster } from './own-cluster.ts'
import { explainClusterEnd, OPEN_STATES, toStepState } from './step-state.ts'

/** So many steps may be asked for by their ids: https://docs.aws.amazon.com/emr/latest/APIReference/API_ListSteps.html */
const BY_ID = 10

/** A launch under one token is given up sooner than this after it was begun. */
const KNOWN_MS = 60 * 60_000
/** The clocks of the engine and of EMR. */
const SKEW_MS = 5 * 60_000

/**
 * Places are clusters; an order's target is the id of one, and a wanted one may also be a name (`makeClusterTarget`). A step has no token that EMR knows, so the name of a step is looked for before
 * it is added. A launcher that stops between the two for so long that another one adds the step adds a second; the first handle that is
 * kept is that of the attempt, and the other step is stopped.
 */
export function makeEmrStepLauncher(
  client: EMRClient,
  places: EmrPlaces,
  now: () => number = Date.now,
): Launcher<StepDetails> {
  const clusters = new ClusterFinder(client, now)
  const own = new OwnClusters(client, places.deployment)
  const hasOwn = places.places.includes(OWN_CLUSTER)
  const jobs = makeEmrJobs(makeService(client, { clusters, own, hasOwn }), places)
  /** Nothing is launched before its cluster is noted. */
  async function find(query: LaunchQuery): Promise<string | undefined> {
    if (query.target === OWN_CLUSTER) return own.find({ ...query, since: Math.max(0, query.since - SKEW_MS) })
    return parseClusterTarget(query.target) === undefined ? jobs.find(query) : undefined
  }
  return {
    ...jobs,
    find,
    async locate(target) {
      try {
        return await clusters.locate(target)
      } catch (error) {
        return refuseStep(error, parseClusterTarget(target) ?? target)
      }
    },
    async launch(order) {
      const { handover, target } = order
      try {
        const handle = await find({ token: handover.token, target, since: now() - KNOWN_MS })
        if (handle !== undefined) return { is: 'launched', handle }
        if (target === OWN_CLUSTER) return { is: 'launched', handle: await own.run(order) }
        return await addStep(client, places.deployment, order)
      } catch (error) {
        if (target === OWN_CLUSTER) return refuseCluster(error)
        const name = hasEnded(error) ? clusters.forget(target) : undefined
        if (name === undefined) return refuseStep(error, target)
        return {
          is: 'no_capacity',
          message: `the cluster ${JSON.stringify(name)} (${target}) has ended; another one is waited for`,
        }
      }
    },
  }
}

interface Clusters {
  clusters: ClusterFinder
  own: OwnClusters
  /** The deployment makes clusters for single steps. */
  hasOwn: boolean
}

function makeService(client: EMRClient, { clusters, own, hasOwn }: Clusters): EmrService {
  /** A cluster that is not known has no steps. */
  const listPage = async (
    query: ListStepsInput,
  ): Promise<{ jobs: Listed[]; cursor?: string | undefined }> => {
    const { Steps = [], Marker } = await client
      .send(new ListStepsCommand(query))
      .catch((error): Partial<ListStepsOutput> => {
        if (isInvalidRequest(error)) return {}
        throw error
      })
    const jobs = Steps.map((step) => ({
      id: step.Id ?? '',
      name: step.Name,
      state: toStepState(step),
      createdAt: step.Status?.Timeline?.CreationDateTime?.getTime() ?? 0,
      isCancelAsked: step.Status?.State === 'CANCEL_PENDING',
    }))
    return { jobs, cursor: Marker }
  }

  /** One id that is not known spoils a request for several. */
  async function listByIds(cluster: string, ids: readonly string[]): Promise<Listed[]> {
    const { jobs } = await listPage({ ClusterId: cluster, StepIds: [...ids] })
    if (jobs.length > 0 || ids.length < 2) return jobs
    const singly = await Promise.all(ids.map((id) => listByIds(cluster, [id])))
    return singly.flat()
  }

  /** What a cluster leaves open when it ends is lost; a step whose own cluster could not run it has failed with it. */
  async function endWithCluster(cluster: string, jobs: Listed[]): Promise<Listed[]> {
    const isCancelled = ({ state }: Listed) => state.end?.cause === 'cancelled'
    if (!jobs.some((job) => job.state.is !== 'ended' || (hasOwn && isCancelled(job)))) return jobs
    const { Cluster } = await client.send(new DescribeClusterCommand({ ClusterId: cluster }))
    const isOwn = own.isOwn(Cluster?.Name)
    const end = explainClusterEnd(cluster, Cluster?.Status ?? {}, isOwn)
    if (end === undefined) return jobs
    const endedAt = Cluster?.Status?.Timeline?.EndDateTime?.getTime() ?? 0
    const lose = ({ times }: JobState): JobState => ({ is: 'ended', times: { ...times, endedAt }, end })
    return jobs.map((job) =>
      job.state.is !== 'ended' || (end.cause === 'failed' && isCancelled(job))
        ? { ...job, state: lose(job.state) }
        : job,
    )
  }

  /** A cluster that was made for the step ends with it. */
  async function endOwn(cluster: string): Promise<boolean> {
    if (!hasOwn) return false
    const { Cluster } = await client.send(new DescribeClusterCommand({ ClusterId: cluster }))
    if (!own.isOwn(Cluster?.Name)) return false
    await own.end(cluster)
    return true
  }

  /** Whether EMR has taken the request; a step that has ended meanwhile takes none. */
  async function askToEnd(
    cluster: string,
    id: string,
    how: 'SEND_INTERRUPT' | 'TERMINATE_PROCESS',
  ): Promise<boolean> {
    const query = { ClusterId: cluster, StepIds: [id], StepCancellationOption: how }
    const { CancelStepsInfoList: [info] = [] } = await client
      .send(new CancelStepsCommand(query))
      .catch((error): Partial<CancelStepsOutput> => {
        if (refuseStep(error, cluster).is !== 'invalid') throw error
        return {}
      })
    return info?.Status === 'SUBMITTED'
  }

  return {
    few: BY_ID,
    expand: (target) => (target === OWN_CLUSTER ? own.listOpen() : clusters.idsOf(target)),
    async list(cluster, { open, since = 0, cursor }) {
      const page = await listPage({
        ClusterId: cluster,
        ...(open && { StepStates: [...OPEN_STATES] }),
        ...(cursor === undefined ? {} : { Marker: cursor }),
      })
      if (open) return { ...page, jobs: await endWithCluster(cluster, page.jobs) }
      // Without a filter the newest come first.
      const jobs = page.jobs.filter(({ createdAt }) => createdAt >= since)
      return jobs.length < page.jobs.length ? { jobs } : page
    },
    async lookAt(cluster, ids) {
      const found: Listed[] = []
      for (const some of splitIntoChunks([...ids], BY_ID)) found.push(...(await listByIds(cluster, some)))
      return new Map((await endWithCluster(cluster, found)).map(({ id, state }) => [id, state]))
    },
    /** The program is asked first; if it is asked again, it is ended. */
    async cancel(cluster, id) {
      const [step] = await listByIds(cluster, [id])
      if (step === undefined || step.state.is === 'ended' || (await endOwn(cluster))) return
      if (!step.isCancelAsked && (await askToEnd(cluster, id, 'SEND_INTERRUPT'))) return
      await askToEnd(cluster, id, 'TERMINATE_PROCESS')
    },
  }
}

/** A step as it is listed. */
interface Listed extends ListedJob {
  createdAt: number
  isCancelAsked: boolean
}
