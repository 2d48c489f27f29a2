import type { TestContext } from 'node:test'
import { MOST, refuse, ServedApi, type ServedRequest } from './served-api.ts'

/** A step as the server has it. */
export interface ServedStep {
  cluster: string
  id: string
  name: string
  state: string
  reason: string
  failure?: { Reason?: string; Message?: string; LogFile?: string }
  createdAt: number
  startedAt?: number
  endedAt?: number
  /** How it was asked to end, in order. */
  cancels: string[]
  /** What it was added with. */
  request: { [name: string]: unknown }
}

type Body = { [name: string]: unknown }

/** How many steps of a cluster may be open. */
const MOST_OPEN = 256
/** How many may be asked for by their ids. */
const MOST_IDS = 10

/**
 * Speaks the API of EMR for steps of clusters by its wire shapes and runs nothing: the test says how steps go on. Its shapes are compared
 * with those of moto by `npm run test:emr`.
 */
export class EmrStepsServer extends ServedApi {
  readonly steps: ServedStep[] = []
  /** Ids of the clusters that are there, with their states. */
  readonly clusters = new Map<string, string>()
  /** Names of clusters that are not named as their id. */
  readonly names = new Map<string, string>()
  /** What clusters were made with, by id. */
  readonly made = new Map<string, { at: number; request: Body }>()
  protected readonly contentType = 'application/x-amz-json-1.1'

  static start(test: Pick<TestContext, 'after'>): Promise<EmrStepsServer> {
    return new EmrStepsServer().listen(test)
  }

  /** A step goes on to another state. */
  move(id: string, state: string, reason = '', failure?: ServedStep['failure']): void {
    const step = this.steps.find((each) => each.id === id)
    if (step === undefined) throw new Error(`there is no step ${id}`)
    const now = this.now() / 1_000
    Object.assign(step, { state, reason, failure })
    if (state === 'RUNNING') step.startedAt ??= now
    if (!OPEN.includes(state)) step.endedAt = now
  }

  /** A cluster ends, and takes its open steps with it. */
  endCluster(id: string, state: string): void {
    this.clusters.set(id, state)
    for (const step of this.#open(id)) this.move(step.id, 'CANCELLED', 'Job terminated')
  }

  #makeCluster(request: Body): object {
    const JobFlowId = `j-MADE${this.made.size + 1}`
    this.clusters.set(JobFlowId, 'STARTING')
    this.names.set(JobFlowId, String(request.Name))
    this.made.set(JobFlowId, { at: this.now() / 1_000, request })
    this.#add(JobFlowId, request)
    return { JobFlowId, ClusterArn: `arn:aws:elasticmapreduce:eu-west-2:1:cluster/${JobFlowId}` }
  }

  protected nameOperation({ headers }: ServedRequest): string {
    return String(headers['x-amz-target']).replace('ElasticMapReduce.', '')
  }

  protected perform(operation: string, { body }: ServedRequest): object {
    const asked = JSON.parse(body) as Body
    if (operation === 'ListClusters') return this.#listClusters(asked)
    if (operation === 'RunJobFlow') return this.#makeCluster(asked)
    if (operation === 'TerminateJobFlows') {
      for (const id of asked.JobFlowIds as string[]) this.endCluster(id, 'TERMINATED')
      return {}
    }
    const cluster = String(asked.JobFlowId ?? asked.ClusterId)
    const state = this.clusters.get(cluster)
    if (state === undefined) throw refuse('InvalidRequestException', `Cluster id '${cluster}' is not valid.`)
    if (operation === 'AddJobFlowSteps') return this.#add(cluster, asked)
    if (operation === 'ListSteps') return this.#list(cluster, asked)
    if (operation === 'CancelSteps') return this.#cancel(cluster, asked)
    if (operation === 'DescribeCluster') return { Cluster: this.#show(cluster, state) }
    throw refuse('UnknownOperationException', operation)
  }

  #show(id: string, state: string): object {
    return showCluster(id, state, this.names.get(id) ?? id, this.made.get(id)?.at ?? 1)
  }

  #listClusters({ ClusterStates, CreatedAfter = 0, Marker }: Body): object {
    const states = ClusterStates as string[] | undefined
    const found = [...this.clusters].filter(
      ([id, state]) =>
        (states?.includes(state) ?? true) && (this.made.get(id)?.at ?? 1) >= Number(CreatedAfter),
    )
    const from = Number(Marker ?? 0)
    const to = from + Math.min(MOST, this.pageSize)
    return {
      Clusters: found.slice(from, to).map(([id, state]) => this.#show(id, state)),
      ...(to < found.length ? { Marker: String(to) } : {}),
    }
  }

  #add(cluster: string, request: Body): object {
    if (this.clusters.get(cluster)?.startsWith('TERMINAT'))
      throw refuse(
        'ValidationException',
        'A job flow that is shutting down, terminated, or finished may not be modified',
      )
    if (this.#open(cluster).length >= MOST_OPEN)
      throw refuse(
        'ValidationException',
        "Maximum number of active steps(State = 'Running', 'Pending' or 'Cancel_Pending') for cluster exceeded.",
      )
    const StepIds = (request.Steps as Body[]).map((each) => {
      const id = `s-${String(this.steps.length + 1).padStart(13, '0')}`
      const common = { cluster, id, name: String(each.Name), state: 'PENDING', reason: '' }
      this.steps.push({ ...common, createdAt: this.now() / 1_000, cancels: [], request })
      return id
    })
    return { StepIds }
  }

  #open(cluster: string): ServedStep[] {
    return this.steps.filter((step) => step.cluster === cluster && OPEN.includes(step.state))
  }

  /** Newest first, as EMR lists them without a filter. */
  #list(cluster: string, { StepStates, StepIds, Marker }: Body): object {
    const ids = StepIds as string[] | undefined
    const states = StepStates as string[] | undefined
    const all = this.steps.filter((step) => step.cluster === cluster)
    if ((ids?.length ?? 0) > MOST_IDS) throw refuse('InvalidRequestException', 'at most 10 step ids')
    const unknown = ids?.find((id) => !all.some((step) => step.id === id))
    if (unknown !== undefined) throw refuse('InvalidRequestException', `Step id '${unknown}' is not valid.`)
    const found = all
      .filter(({ id, state }) => (ids === undefined ? (states?.includes(state) ?? true) : ids.includes(id)))
      .reverse()
    const from = Number(Marker ?? 0)
    const to = from + Math.min(MOST, this.pageSize)
    return {
      Steps: found.slice(from, to).map(showStep),
      ...(to < found.length ? { Marker: String(to) } : {}),
    }
  }

  #cancel(cluster: string, { StepIds, StepCancellationOption }: Body): object {
    const CancelStepsInfoList = (StepIds as string[]).map((id) => {
      const step = this.steps.find((each) => each.cluster === cluster && each.id === id)
      if (step === undefined) throw refuse('InvalidRequestException', `Step id '${id}' is not valid.`)
      if (!OPEN.includes(step.state))
        return { StepId: id, Status: 'FAILED', Reason: 'The step has already finished' }
      step.cancels.push(String(StepCancellationOption))
      if (this.behaviour.cancels === 'at once') this.move(id, 'CANCELLED', 'cancelled by request')
      else if (this.behaviour.cancels === 'later') step.state = 'CANCEL_PENDING'
      return { StepId: id, Status: 'SUBMITTED' }
    })
    return { CancelStepsInfoList }
  }
}

const OPEN = ['PENDING', 'RUNNING', 'CANCEL_PENDING']

const showCluster = (Id: string, State: string, Name: string, CreationDateTime: number) => ({
  Id,
  Name,
  Status: {
    State,
    StateChangeReason: State.startsWith('TERMINAT')
      ? { Code: 'USER_REQUEST', Message: 'Terminated by user request' }
      : {},
    Timeline: { CreationDateTime },
  },
})

const showStep = ({
  id,
  name,
  state,
  reason,
  failure,
  createdAt,
  startedAt,
  endedAt,
  request,
}: ServedStep) => {
  const { HadoopJarStep = {} } = ((request.Steps as Body[])[0] ?? {}) as { HadoopJarStep?: Body }
  return {
    Id: id,
    Name: name,
    Config: { ...HadoopJarStep, Properties: {} },
    ActionOnFailure: 'CONTINUE',
    Status: {
      State: state,
      StateChangeReason: reason === '' ? {} : { Message: reason },
      ...(failure === undefined ? {} : { FailureDetails: failure }),
      Timeline: {
        CreationDateTime: createdAt,
        ...(startedAt === undefined ? {} : { StartDateTime: startedAt }),
        ...(endedAt === undefined ? {} : { EndDateTime: endedAt }),
      },
    },
  }
}
