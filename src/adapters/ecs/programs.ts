import { type ECSClient, RunTaskCommand, type TaskOverride } from '@aws-sdk/client-ecs'
import { readErrorMessage, readErrorName } from '../../core/errors.ts'
import { findFargateSize, KEEPER_MB } from '../../core/fargate.ts'
import { CAPACITY, KEPT } from '../../core/names.ts'
import type { ProgramLaunch } from '../../core/program.ts'
import type { Place } from './workers.ts'

/** One program that is to be launched. */
export interface ProgramOrder {
  /** The same for a launch that is repeated: nothing starts twice under one token. */
  token: string
  /** Family of the task definition. */
  family: string
  /** Arguments for the image's entry point; absent: what the image starts by itself. */
  argv?: readonly string[]
  env: { readonly [name: string]: string }
  /** Variables of the keeper. */
  keeper: { readonly [name: string]: string }
  /** In units of 1/1024 of a core. */
  cpu: number
  memoryMb: number
  /** Spare capacity (Fargate Spot). */
  spot: boolean
}

/** Characters of the overrides of one RunTask: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html */
export const OVERRIDES_MAX = 8192

/**
 * Starts an ECS task for one program, from the task definition that the deployment has made; on spare capacity first if the order says
 * so, and at the usual price if there is none.
 */
export async function launchProgram(
  client: ECSClient,
  place: Place,
  order: ProgramOrder,
): Promise<ProgramLaunch> {
  const overrides = makeOverrides(order)
  if (typeof overrides === 'string') return { is: 'refused', message: overrides }
  const run = (capacityProvider: string) => runProgram(client, place, { order, overrides, capacityProvider })
  if (!order.spot) return run(CAPACITY.usual)
  const launched = await run(CAPACITY.spare)
  return launched.is === 'no-capacity' ? run(CAPACITY.usual) : launched
}

async function runProgram(
  client: ECSClient,
  { cluster, ...network }: Place,
  {
    order,
    overrides,
    capacityProvider,
  }: { order: ProgramOrder; overrides: TaskOverride; capacityProvider: string },
): Promise<ProgramLaunch> {
  try {
    const { tasks = [], failures = [] } = await client.send(
      new RunTaskCommand({
        // A request for other capacity is another request.
        clientToken: `${order.token}-${capacityProvider === CAPACITY.spare ? 'spare' : 'usual'}`,
        startedBy: order.token,
        cluster,
        taskDefinition: order.family,
        capacityProviderStrategy: [{ capacityProvider, weight: 1 }],
        propagateTags: 'TASK_DEFINITION',
        enableExecuteCommand: true,
        overrides,
        networkConfiguration: {
          awsvpcConfiguration: {
            subnets: network.subnets,
            securityGroups: network.securityGroups,
            assignPublicIp: network.publicIp ? 'ENABLED' : 'DISABLED',
          },
        },
      }),
    )
    if (tasks.length > 0) return { is: 'launched' }
    const message = failures[0]?.reason ?? 'ECS started nothing and gave no reason'
    return { is: 'no-capacity', message }
  } catch (error) {
    // An earlier request under this token has started it, though it asked for something else.
    if (readErrorName(error) === 'ConflictException') return { is: 'launched' }
    return explainRefusal(error)
  }
}

function makeOverrides({ argv, env, keeper, cpu, memoryMb }: ProgramOrder): TaskOverride | string {
  const size = findFargateSize({ cpu, memoryMb: memoryMb + KEEPER_MB })
  if (size === undefined)
    return `Fargate has no size with ${cpu} units of CPU and ${memoryMb} MB (${KEEPER_MB} MB more for the keeper)`
  const overrides = {
    cpu: String(size.cpu),
    memory: String(size.memoryMb),
    containerOverrides: [
      { name: KEPT.keeper, environment: toPairs(keeper) },
      {
        name: KEPT.program,
        environment: toPairs(env),
        memory: memoryMb,
        ...(argv === undefined ? {} : { command: [...argv] }),
      },
    ],
  }
  const { length } = JSON.stringify(overrides)
  return length <= OVERRIDES_MAX
    ? overrides
    : `its command and environment take ${length} characters, and ECS takes ${OVERRIDES_MAX}: let the program read what is long from the file SLUICE_PARAMS`
}

const toPairs = (variables: { readonly [name: string]: string }) =>
  Object.entries(variables).map(([name, value]) => ({ name, value }))

/** ECS says of some throttled requests that a parameter is wrong, with this message. */
const RATE = /rate exceeded|too many requests/i
const CAPACITY_GONE = /capacity|limit on the number of tasks|vcpu limit/i
const FINAL = new Set([
  'InvalidParameterException',
  'ClientException',
  'ClusterNotFoundException',
  'PlatformUnknownException',
  'PlatformTaskDefinitionIncompatibilityException',
  'UnsupportedFeatureException',
])

function explainRefusal(error: unknown): ProgramLaunch {
  const message = readErrorMessage(error)
  const name = readErrorName(error) ?? ''
  if (/throttling|requestlimitexceeded|toomanyrequests/i.test(name) || RATE.test(message))
    return { is: 'throttled', message }
  if (CAPACITY_GONE.test(message)) return { is: 'no-capacity', message }
  if (FINAL.has(name)) return { is: 'refused', message }
  throw error
}
