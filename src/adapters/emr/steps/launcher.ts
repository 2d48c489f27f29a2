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
import { parseClusterTarget } from '../../../core/names.ts'
import type { JobState, Launcher } from '../../../core/ports/launching.ts'
import type { StepDetails } from '../../../core/program.ts'
import { type EmrPlaces, type EmrService, type ListedJob, makeEmrJobs } from '../jobs.ts'
import { addStep, hasEnded, isInvalidRequest, refuseStep } from './add-step.ts'
import { ClusterFinder } from './find-cluster.ts'
import { explainClusterEnd, OPEN_STATES, toStepState } from './step-state.ts'

/** So many steps may be asked for by their ids: https://docs.aws.amazon.com/emr/latest/APIReference/API_ListSteps.html */
const BY_ID = 10

/** A launch under one token is given up sooner than this after it was begun. */
const KNOWN_MS = 60 * 60_000

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
  const jobs = makeEmrJobs(makeService(client, clusters), places)
  return {
    ...jobs,
    // Nothing is launched before its cluster is noted.
    find: async (query) => (parseClusterTarget(query.target) === undefined ? jobs.find(query) : undefined),
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
        const handle = await jobs.find({ token: handover.token, target, since: now() - KNOWN_MS })
        return handle === undefined
          ? await addStep(client, places.deployment, order)
          : { is: 'launched', handle }
      } catch (error) {
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

function makeService(client: EMRClient, clusters: ClusterFinder): EmrService {
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

  /** What a cluster leaves open when it ends is lost. */
  async function endWithCluster(cluster: string, jobs: Listed[]): Promise<Listed[]> {
    if (jobs.every(({ state }) => state.is === 'ended')) return jobs
    const { Cluster } = await client.send(new DescribeClusterCommand({ ClusterId: cluster }))
    const end = explainClusterEnd(cluster, Cluster?.Status ?? {})
    if (end === undefined) return jobs
    const endedAt = Cluster?.Status?.Timeline?.EndDateTime?.getTime() ?? 0
    const lose = ({ times }: JobState): JobState => ({ is: 'ended', times: { ...times, endedAt }, end })
    return jobs.map((job) => (job.state.is === 'ended' ? job : { ...job, state: lose(job.state) }))
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
    expand: (target) => clusters.idsOf(target),
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
      if (step === undefined || step.state.is === 'ended') return
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
