import { randomUUID } from 'node:crypto'
import {
  DescribeTasksCommand,
  type ECSClient,
  ListTasksCommand,
  RunTaskCommand,
  type Task,
} from '@aws-sdk/client-ecs'
import { splitIntoChunks } from '../../core/chunks.ts'
import { readErrorMessage } from '../../core/errors.ts'
import type { Container, Launched } from '../../core/launch.ts'
import { CAPACITY, EVENTS, SHELL } from '../../core/names.ts'
import { isThrottledError } from './run-program.ts'

/** How many containers to start, and on which capacity. */
export interface ContainerOrder {
  count: number
  /** Spare capacity (Fargate Spot) first, the rest at the usual price. */
  spot: boolean
}

/** Containers that drain the queue of a pool. */
export interface Workers {
  /** Containers of a task definition's family that run or start, and the named ones in whatever status they are. */
  look(family: string, named: string[]): Promise<Container[]>
  /** Starts containers; returns those that were accepted, and the problem with the rest. */
  launch(family: string, wanted: ContainerOrder): Promise<Launched>
}

/** The cluster and network of the containers. */
export interface Place {
  cluster: string
  subnets: string[]
  securityGroups: string[]
  publicIp: boolean
}

/** Most tasks of one RunTask. */
const BATCH = 10
/** Most tasks of one DescribeTasks. */
const DESCRIBED = 100

/** Workers as Fargate tasks. */
export function makeFargateWorkers(client: ECSClient, { cluster, ...network }: Place): Workers {
  return {
    async look(family, named) {
      const arns = [...new Set([...(await list(family)), ...named])]
      const found: Container[] = []
      for (const page of splitIntoChunks(arns, DESCRIBED)) {
        const { tasks = [] } = await client.send(new DescribeTasksCommand({ cluster, tasks: page }))
        found.push(...tasks.filter(({ startedBy }) => startedBy !== SHELL.startedBy).map(toContainer))
      }
      return found
    },
    async launch(family, { count, spot }) {
      const arns: string[] = []
      while (arns.length < count) {
        const wanted = Math.min(count - arns.length, BATCH)
        const started = await (spot ? onSpot(family, wanted) : run(family, wanted, CAPACITY.usual))
        arns.push(...started.arns)
        if (started.problem !== undefined) return { ...started, arns }
      }
      return { arns }
    },
  }

  async function list(family: string): Promise<string[]> {
    const arns: string[] = []
    let nextToken: string | undefined
    do {
      const query = { cluster, family, desiredStatus: 'RUNNING', ...(nextToken && { nextToken }) } as const
      const page = await client.send(new ListTasksCommand(query))
      arns.push(...(page.taskArns ?? []))
      nextToken = page.nextToken
    } while (nextToken !== undefined)
    return arns
  }

  /** Starts on Fargate Spot first; the rest, if Spot has no capacity, on Fargate. */
  async function onSpot(family: string, count: number): Promise<Launched> {
    const { arns, isThrottled, ...asked } = await run(family, count, CAPACITY.spare)
    if (arns.length === count || isThrottled)
      return { ...asked, arns, ...(isThrottled ? { isThrottled } : {}) }
    const rest = await run(family, count - arns.length, CAPACITY.usual)
    return { ...rest, arns: [...arns, ...rest.arns] }
  }

  async function run(family: string, count: number, capacityProvider: string): Promise<Launched> {
    const asked = new RunTaskCommand({
      count,
      // A request that is sent again by the client starts nothing twice.
      clientToken: randomUUID(),
      cluster,
      taskDefinition: family,
      capacityProviderStrategy: [{ capacityProvider, weight: 1 }],
      propagateTags: 'TASK_DEFINITION',
      enableExecuteCommand: true,
      networkConfiguration: {
        awsvpcConfiguration: {
          subnets: network.subnets,
          securityGroups: network.securityGroups,
          assignPublicIp: network.publicIp ? 'ENABLED' : 'DISABLED',
        },
      },
    })
    try {
      const { tasks = [], failures = [] } = await client.send(asked)
      const arns = tasks.flatMap(({ taskArn }) => taskArn ?? [])
      if (arns.length === count) return { arns }
      return {
        arns,
        problem: failures[0]?.reason ?? 'ECS started fewer containers than requested and gave no reason',
      }
    } catch (error) {
      const isThrottled = isThrottledError(error)
      return { arns: [], problem: readErrorMessage(error), ...(isThrottled ? { isThrottled } : {}) }
    }
  }
}

/** Stops by a user or by the host. They do not show whether the container works. */
const OUTSIDE = ['UserInitiated', 'SpotInterruption', 'TerminationNotice']

/** https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html */
function toContainer(task: Task): Container {
  const { taskArn: arn = '', lastStatus, desiredStatus, startedAt, stopCode = '' } = task
  const began = startedAt === undefined ? {} : { startedAt: startedAt.getTime() }
  if (lastStatus !== EVENTS.container.status && desiredStatus !== EVENTS.container.status)
    return { arn, status: startedAt === undefined ? 'starting' : 'running', ...began }
  const isHealthy = OUTSIDE.includes(stopCode) || (startedAt !== undefined && !hasEndedWithError(task))
  const ended = (task.stoppingAt ?? task.stoppedAt)?.getTime()
  return {
    arn,
    status: 'stopped',
    ...began,
    ...(ended === undefined ? {} : { stoppedAt: ended }),
    ...(isHealthy ? {} : { failure: explainStop(task) }),
  }
}

const hasEndedWithError = ({ containers = [] }: Task) => containers.some(({ exitCode = 0 }) => exitCode !== 0)

function explainStop({ stoppedReason, stopCode, containers = [] }: Task): string {
  const told = containers.flatMap(({ reason, exitCode }) => [
    ...(reason === undefined || stoppedReason?.includes(reason) ? [] : [reason]),
    ...(exitCode === undefined ? [] : [`exit code ${exitCode}`]),
  ])
  return [stoppedReason || stopCode || 'ECS gave no reason', ...told].join('; ')
}
