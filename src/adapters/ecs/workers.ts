import { createHash } from 'node:crypto'
import { DescribeTasksCommand, type ECSClient, ListTasksCommand, RunTaskCommand } from '@aws-sdk/client-ecs'

/** How many containers, and on what. */
export interface Wanted {
  count: number
  /** On spare capacity where there is some. */
  spot: boolean
  /** Those that were there: a repeated call starts nothing twice. */
  known: string[]
}

/** Containers that drain the queue of a pool. */
export interface Workers {
  /** Those of a task definition's family that run or start. */
  list(family: string): Promise<{ arn: string; isStarting: boolean }[]>
  /** Starts what is wanted; returns how many did. */
  launch(definition: string, wanted: Wanted): Promise<number>
}

/** Where they run. */
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
/** The same call within this time is one call; later a worker may have ended, and another is wanted. */
const SAME_MS = 20_000

/** Workers as Fargate tasks. */
export function fargateWorkers(client: ECSClient, place: Place): Workers {
  async function describe(arns: string[]): Promise<{ arn: string; isStarting: boolean }[]> {
    const found: { arn: string; isStarting: boolean }[] = []
    for (let start = 0; start < arns.length; start += DESCRIBED) {
      const page = arns.slice(start, start + DESCRIBED)
      const { tasks = [] } = await client.send(
        new DescribeTasksCommand({ cluster: place.cluster, tasks: page }),
      )
      for (const { taskArn = '', lastStatus = '' } of tasks)
        if (lastStatus !== 'STOPPED') found.push({ arn: taskArn, isStarting: lastStatus !== 'RUNNING' })
    }
    return found
  }

  return {
    async list(family) {
      const arns: string[] = []
      let after: string | undefined
      do {
        const page = await client.send(
          new ListTasksCommand({
            cluster: place.cluster,
            family,
            desiredStatus: 'RUNNING',
            ...(after === undefined ? {} : { nextToken: after }),
          }),
        )
        arns.push(...(page.taskArns ?? []))
        after = page.nextToken
      } while (after !== undefined)
      return describe(arns)
    },
    async launch(definition, { count, spot, known }) {
      let started = 0
      for (let left = count; left > 0; left -= BATCH) {
        const batch = { count: Math.min(left, BATCH), clientToken: tokenOf(definition, left, known) }
        started += spot ? await onSpot(definition, batch) : await run(definition, batch, 'FARGATE')
      }
      return started
    },
  }

  interface Batch {
    count: number
    clientToken: string
  }

  /** Spare capacity first; where there is none, the rest at the usual price. */
  async function onSpot(definition: string, batch: Batch): Promise<number> {
    const started = await run(definition, batch, 'FARGATE_SPOT')
    if (started === batch.count) return started
    const rest = { count: batch.count - started, clientToken: `${batch.clientToken}-rest` }
    return started + (await run(definition, rest, 'FARGATE'))
  }

  async function run(definition: string, batch: Batch, capacityProvider: string): Promise<number> {
    const { tasks = [] } = await client.send(
      new RunTaskCommand({
        ...batch,
        cluster: place.cluster,
        taskDefinition: definition,
        capacityProviderStrategy: [{ capacityProvider, weight: 1 }],
        propagateTags: 'TASK_DEFINITION',
        enableExecuteCommand: true,
        networkConfiguration: {
          awsvpcConfiguration: {
            subnets: place.subnets,
            securityGroups: place.securityGroups,
            assignPublicIp: place.publicIp ? 'ENABLED' : 'DISABLED',
          },
        },
      }),
    )
    return tasks.length
  }
}

/** Two launchers that see the same workers ask for the same ones. */
function tokenOf(definition: string, left: number, known: string[]): string {
  const now = Math.floor(Date.now() / SAME_MS)
  return createHash('sha256')
    .update(JSON.stringify([definition, left, [...known].sort(), now]))
    .digest('hex')
    .slice(0, 32)
}
