/**
 * Names that two sides share: the code and the stack that is made for it, or two parts of a deployment. Each is written
 * once, here. Names of environment variables are in `homes/aws/environment.ts`, beside their schemas.
 */

/** The table of records: attributes beside a record's own, and the sparse index on due records. */
export const TABLE = {
  partitionKey: 'pk',
  sortKey: 'sk',
  dueIndex: 'due',
  dueShard: 'dueShard',
  dueAt: 'dueAt',
  expiresAt: 'expiresAt',
} as const

/** Folders in a container: what it reads, what it writes, and where it talks with Sluice. Plans and docs name them. */
export const IN_CONTAINER = {
  inputs: '/sluice/in',
  outputs: '/sluice/out',
  attempt: '/sluice/attempt',
} as const

/** The variable that tells a container which code it is to run: JSON with `uri` and `version`. */
export const CODE_VARIABLE = 'SLUICE_BUNDLE'

/**
 * The two containers of an ECS task that runs a program of the user's: the keeper, which is Sluice's, and the program's own. The file
 * is there when the program may start. The keeper's variable says as JSON which attempt the task was launched for.
 */
export const KEPT = {
  keeper: 'keeper',
  program: 'program',
  ready: '/tmp/sluice-ready',
  handover: 'SLUICE_HANDOVER',
} as const

/**
 * A shell of a deployment: an ECS task that belongs to no attempt. `startedBy` keeps it apart from workers and programs wherever ECS tasks are
 * listed or told of; the keeper's variable says as JSON whose program it stands for. It ends by itself after `limitMs`.
 */
export const SHELL = { startedBy: 'sluice-shell', variable: 'SLUICE_SHELL', limitMs: 3_600_000 } as const

/** Prefixes of plans and of targets in the bucket of a deployment. */
export const OBJECTS = { plans: 'plans/', targets: 'targets' } as const

/** Below a prefix of targets: content that is written and not yet published, apart from what readers list. */
export const STAGED = '.staged/'

/** Metrics that functions and containers write into their logs. */
export const METRICS = {
  namespace: 'Sluice',
  runSeconds: 'RunSeconds',
  runsEnded: 'RunsEnded',
  runsFailed: 'RunsFailed',
  failedLaunches: 'FailedLaunches',
  launchTrouble: 'LaunchTrouble',
  oldestRunHours: 'OldestRunHours',
  recordsRepaired: 'RecordsRepaired',
} as const

/** The metric that counts attempts with one outcome. */
export const makeAttemptsMetricName = (outcome: string): string => `Attempts-${outcome}`

/** The metric of the share of a budget that is spent or reserved, in percent. */
export const makeBudgetMetricName = (budget: string): string => `BudgetUsed-${budget}`

/** Outputs of a stack, by which the command finds the parts of a deployment. */
export const OUTPUTS = {
  apiUrl: 'ApiUrl',
  project: 'Project',
  storage: 'Storage',
  cluster: 'Cluster',
  subnets: 'Subnets',
  securityGroup: 'SecurityGroup',
  publicIp: 'PublicIp',
  families: 'Families',
} as const

const IMAGES_OUTPUT = 'Images'

/** The outputs of a stack as CloudFormation returns them; which there are depends on its pools. */
export type StackOutputs = { [O in (typeof OUTPUTS)[keyof typeof OUTPUTS]]?: string } & {
  [images: `${typeof IMAGES_OUTPUT}${string}`]: string
}

/** The output of the images of pools; the images of many pools need several outputs, which are numbered from 0. */
export const makeImagesOutputName = (index: number): string =>
  `${IMAGES_OUTPUT}${index === 0 ? '' : index + 1}`

/** Whether an output holds images of pools. */
export const isImagesOutput = (name: string): boolean => new RegExp(`^${IMAGES_OUTPUT}\\d*$`).test(name)

/** The state machine of task families; a pipeline's name never begins with a capital. */
export const TASKS_MACHINE = 'Tasks'

/** Errors with which the execution of a run ends. */
export const EXECUTION_ERRORS = { failed: 'Failed', cancelled: 'Cancelled' } as const

/** Events of AWS that a deployment receives, with the status that it handles. */
export const EVENTS = {
  execution: {
    source: 'aws.states',
    detailType: 'Step Functions Execution Status Change',
    status: 'ABORTED',
  },
  container: { source: 'aws.ecs', detailType: 'ECS Task State Change', status: 'STOPPED' },
  jobRun: { source: 'aws.emr-serverless', detailType: 'EMR Serverless Job Run State Change' },
  step: { source: 'aws.emr', detailType: 'EMR Step Status Change' },
} as const

/** What the log streams of a run's jobs of EMR begin with, of one task, or of one attempt. */
export const makeJobStreamPrefix = (run: string, ...of: number[]): string =>
  `emr/${[encodeURIComponent(run), ...of].join('/')}/`

/** Which attempt the log stream of a job is of. */
export function parseJobStream(stream: string): { run: string; number: number; attempt: number } | undefined {
  const [, run, number, attempt] = /^emr\/([^/]+)\/(\d+)\/(\d+)\//.exec(stream) ?? []
  if (run === undefined) return undefined
  return { run: decodeURIComponent(run), number: Number(number), attempt: Number(attempt) }
}

/** The container of a pool's task. */
export const CONTAINER = 'worker'

/** The queue of the containers of a pool; the pool's other tasks have the queue of its own name. */
export const makeProgramsQueueName = (pool: string): string => `${pool}_programs`

/** The name of an application of EMR Serverless that a deployment makes. */
export const makeApplicationName = (stack: string, name: string): string => `${stack}-${name}`

/** The family of the task definition of a program; `families` is what all families of a deployment begin with. */
export const makeProgramFamily = (families: string, pool: string, id: string): string =>
  `${families}${pool}_${id}`

const SHELL_FAMILY = '_shell'

/** The family of the task definition of the shells of a program. */
export const makeShellFamily = (families: string, pool: string, id: string): string =>
  `${makeProgramFamily(families, pool, id)}${SHELL_FAMILY}`

/** All families of the shells of a deployment, as a pattern of IAM. */
export const makeShellFamilyPattern = (families: string): string => `${families}*${SHELL_FAMILY}`

/** Capacity providers of containers: at the usual price, and spare capacity that AWS may take back. */
export const CAPACITY = { usual: 'FARGATE', spare: 'FARGATE_SPOT' } as const

/** Pools whose options say nothing else. Limits of Lambda and of Fargate bound what an option may say. */
export const POOL_DEFAULTS = {
  lambdaMemoryMb: 1024,
  containerMemoryMb: 2048,
  /** In 1,024ths of a processor. */
  containerCpu: 512,
  mostContainers: 10,
  /** A container that has had nothing to do for this time ends. */
  idleSeconds: 60,
} as const

const ON_LAMBDA = 'lambda/'
const ON_FARGATE = 'fargate/'
const BY_KEEPER = 'keeper/'

/** The worker that a Lambda function is, by its log stream. */
export const makeLambdaWorkerId = (logStream: string): string => `${ON_LAMBDA}${logStream}`

/** The log stream of a worker that is a Lambda function; undefined for any other worker. */
export const parseLambdaLogStream = (worker: string): string | undefined =>
  worker.startsWith(ON_LAMBDA) ? worker.slice(ON_LAMBDA.length) : undefined

/** The worker that a container is, by the ARN of its ECS task. */
export const makeContainerWorkerId = (taskArn: string): string =>
  `${ON_FARGATE}${taskArn.slice(taskArn.lastIndexOf('/') + 1)}`

/** The worker that a keeper is, by the ARN of its ECS task. */
export const makeKeeperWorkerId = (taskArn: string): string =>
  `${BY_KEEPER}${taskArn.slice(taskArn.lastIndexOf('/') + 1)}`

/** The id of a worker's ECS task; undefined for a worker that is no container. */
export const parseEcsTaskId = (worker: string): string | undefined =>
  worker.startsWith(ON_FARGATE) ? worker.slice(ON_FARGATE.length) : undefined

/** The log stream of a worker. ECS names the stream of a container by prefix (the pool), container and task. */
export function findWorkerLogStream(worker: string, pool: string): string | undefined {
  const onLambda = parseLambdaLogStream(worker)
  if (onLambda !== undefined) return onLambda
  if (worker.startsWith(BY_KEEPER)) return `${pool}/${KEPT.keeper}/${worker.slice(BY_KEEPER.length)}`
  const task = parseEcsTaskId(worker)
  return task === undefined ? undefined : `${pool}/${CONTAINER}/${task}`
}

const CLUSTER_NAME = 'name:'

/** The target of a step on the cluster of a name. */
export const makeClusterTarget = (name: string): string => `${CLUSTER_NAME}${name}`

/** Whether the target of a step is the id of a cluster. */
export const isClusterId = (target: string): boolean =>
  target !== OWN_CLUSTER && parseClusterTarget(target) === undefined

/** The tag of clusters that a deployment makes; its value is the name of the stack. */
export const STACK_TAG = 'sluice:stack'

/** The target of a step that has a cluster of its own. */
export const OWN_CLUSTER = 'own'

/** The name in the target of a step; undefined if it is the id of a cluster. */
export const parseClusterTarget = (target: string): string | undefined =>
  target.startsWith(CLUSTER_NAME) ? target.slice(CLUSTER_NAME.length) : undefined
