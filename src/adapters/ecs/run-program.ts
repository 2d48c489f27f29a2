import {
  ConflictException,
  type ECSClient,
  RunTaskCommand,
  type RunTaskCommandInput,
  type TaskOverride,
} from '@aws-sdk/client-ecs'
import { readErrorMessage, readErrorName } from '../../core/errors.ts'
import { findFargateSize, KEEPER_MB } from '../../core/fargate.ts'
import { CAPACITY, KEPT } from '../../core/names.ts'
import type { LaunchAnswer, LaunchOrder, LaunchRefusal } from '../../core/ports/launching.ts'
import type { ProgramDetails } from '../../core/program.ts'
import { isCapacityGone } from './job-state.ts'
import type { Place } from './workers.ts'

/** Characters of the overrides of one RunTask: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html */
const OVERRIDES_MAX = 8192

/** How a request for an ECS task went; `known`: an earlier request under its token has started one, whose ARN ECS may tell. */
type ProgramAnswer = LaunchAnswer | { is: 'known'; handle: string | undefined }

/**
 * Starts an ECS task for one program, from the task definition that the deployment has made; on spare capacity first if the order says
 * so, and at the usual price if there is none.
 */
export async function runProgram(
  client: ECSClient,
  place: Place,
  order: LaunchOrder<ProgramDetails>,
): Promise<ProgramAnswer> {
  const overrides = makeOverrides(order)
  if (typeof overrides === 'string') return { is: 'invalid', message: overrides }
  const run = (provider: string) => runOn(client, place, { order, overrides, provider })
  if (!order.details.spot) return run(CAPACITY.usual)
  const answer = await run(CAPACITY.spare)
  return answer.is === 'no_capacity' ? run(CAPACITY.usual) : answer
}

const runOn = (
  client: ECSClient,
  place: Place,
  {
    order: { handover, target },
    overrides,
    provider,
  }: { order: LaunchOrder<ProgramDetails>; overrides: TaskOverride; provider: string },
): Promise<ProgramAnswer> =>
  runTask(client, place, {
    // A request for other capacity is another request.
    clientToken: `${handover.token}-${provider === CAPACITY.spare ? 'spare' : 'usual'}`,
    startedBy: handover.token,
    taskDefinition: target,
    provider,
    overrides,
    // Nobody is let into the container of an attempt.
    enableExecuteCommand: false,
  })

/** What one ECS task is started with, beside its cluster and network. */
interface TaskRequest
  extends Required<
    Pick<
      RunTaskCommandInput,
      'clientToken' | 'startedBy' | 'taskDefinition' | 'overrides' | 'enableExecuteCommand'
    >
  > {
  provider: string
}

/** Starts one ECS task, at most once under its token. */
export async function runTask(
  client: ECSClient,
  { cluster, ...network }: Place,
  { provider, ...request }: TaskRequest,
): Promise<ProgramAnswer> {
  try {
    const { tasks = [], failures = [] } = await client.send(
      new RunTaskCommand({
        ...request,
        cluster,
        capacityProviderStrategy: [{ capacityProvider: provider, weight: 1 }],
        propagateTags: 'TASK_DEFINITION',
        networkConfiguration: {
          awsvpcConfiguration: {
            subnets: network.subnets,
            securityGroups: network.securityGroups,
            assignPublicIp: network.publicIp ? 'ENABLED' : 'DISABLED',
          },
        },
      }),
    )
    const handle = tasks[0]?.taskArn
    if (handle !== undefined) return { is: 'launched', handle }
    return { is: 'no_capacity', message: failures[0]?.reason ?? 'ECS started nothing and gave no reason' }
  } catch (error) {
    // An earlier request under this token has started it, though it asked for something else.
    if (error instanceof ConflictException) return { is: 'known', handle: error.resourceIds?.[0] }
    return explainRefusal(error)
  }
}

const makeOverrides = ({ handover, details }: LaunchOrder<ProgramDetails>): TaskOverride | string =>
  makeTaskOverrides({ [KEPT.handover]: JSON.stringify(handover) }, details)

/** What differs from one ECS task of a program to the next; `told`: variables of its keeper. A text says why it cannot be started. */
export function makeTaskOverrides(
  told: { readonly [name: string]: string },
  { argv, env, cpu, memoryMb }: ProgramDetails,
): TaskOverride | string {
  const size = findFargateSize({ cpu, memoryMb: memoryMb + KEEPER_MB })
  if (size === undefined)
    return `Fargate has no size with ${cpu} units of CPU and ${memoryMb} MB (${KEEPER_MB} MB more for the keeper)`
  const overrides = {
    cpu: String(size.cpu),
    memory: String(size.memoryMb),
    containerOverrides: [
      { name: KEPT.keeper, environment: toPairs(told) },
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
const THROTTLED = /throttling|requestlimitexceeded|toomanyrequests/i
const INVALID = new Set([
  'InvalidParameterException',
  'ClientException',
  'ClusterNotFoundException',
  'PlatformUnknownException',
  'PlatformTaskDefinitionIncompatibilityException',
  'UnsupportedFeatureException',
])

/** Whether ECS has had too many requests. */
export const isThrottledError = (error: unknown): boolean =>
  THROTTLED.test(readErrorName(error) ?? '') || RATE.test(readErrorMessage(error))

function explainRefusal(error: unknown): LaunchRefusal {
  const message = readErrorMessage(error)
  const name = readErrorName(error) ?? ''
  if (isThrottledError(error)) return { is: 'throttled', message }
  if (isCapacityGone(message)) return { is: 'no_capacity', message }
  if (INVALID.has(name)) return { is: 'invalid', message }
  throw error
}
