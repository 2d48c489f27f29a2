import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  DescribeTasksCommand,
  type DescribeTasksCommandOutput,
  ECSClient,
  RunTaskCommand,
  type RunTaskCommandInput,
} from '@aws-sdk/client-ecs'
import { SluiceError } from '../../core/errors.ts'
import type { TaskRun } from '../../core/model.ts'
import { findRun, findTasks, type TaskView, viewRun } from '../../project/inspect.ts'
import { EXIT } from '../exit.ts'
import type { GlobalOptions, Result } from '../options.ts'
import { connect } from './connect.ts'
import type { Deployment } from './deployment.ts'

const LOOK_MS = 2_000
const MOST_LOOKS = 150

/** Opens a shell in the container of a running task, or in a fresh one of its pool. */
export async function openShell(wanted: string, name: string, options: GlobalOptions): Promise<Result> {
  const { deployment, home } = await connect(options)
  const view = await viewRun(home, await findRun(home, wanted))
  const [found] = findTasks(view, name) as [TaskView]
  const client = new ECSClient({ region: deployment.environment.region })
  const id = await openContainer(client, deployment, found.task)
  const code = await run('aws', execArguments(deployment, id))
  return { data: { container: id }, text: '', exitCode: code === 0 ? EXIT.done : EXIT.system }
}

/** A container that lets one in: that of a task that runs, or a fresh one of its pool. */
export async function openContainer(
  client: ECSClient,
  deployment: Deployment,
  task: Pick<TaskRun, 'status' | 'worker' | 'pool'>,
): Promise<string> {
  const id = containerOf(task) ?? (await startFresh(client, deployment, task.pool))
  await untilExecutable(client, deployment, id)
  return id
}

/** The container that runs a task now. */
export function containerOf({ status, worker }: Pick<TaskRun, 'status' | 'worker'>): string | undefined {
  const isHere = status === 'running' && worker?.startsWith('fargate/') === true
  return isHere ? worker.slice('fargate/'.length) : undefined
}

/** A container of the pool that works on nothing, for an hour. */
export function freshContainer({ stack, outputs }: Deployment, pool: string): RunTaskCommandInput {
  if (outputs.Cluster === undefined)
    throw new SluiceError(
      'invalid_usage',
      `The pool ${pool} runs on Lambda: there is no container to look into.`,
      {
        hint: 'Debug its tasks on this machine: sluice run NAME --inline',
      },
    )
  return {
    cluster: outputs.Cluster,
    taskDefinition: `${outputs.Families ?? `${stack}-`}${pool}`,
    enableExecuteCommand: true,
    startedBy: 'sluice shell',
    overrides: { containerOverrides: [{ name: 'worker', command: ['wait'] }] },
    networkConfiguration: {
      awsvpcConfiguration: {
        subnets: (outputs.Subnets ?? '').split(','),
        securityGroups: [outputs.SecurityGroup ?? ''],
        assignPublicIp: outputs.PublicIp === 'true' ? 'ENABLED' : 'DISABLED',
      },
    },
  }
}

/** The AWS command speaks the protocol of sessions; it needs its Session Manager plugin. */
export const execArguments = (
  { outputs, environment }: Deployment,
  id: string,
  command = '/bin/sh',
): string[] => [
  'ecs',
  'execute-command',
  '--region',
  environment.region,
  '--cluster',
  outputs.Cluster ?? '',
  '--task',
  id,
  '--container',
  'worker',
  '--interactive',
  '--command',
  command,
]

async function startFresh(client: ECSClient, deployment: Deployment, pool: string): Promise<string> {
  const { tasks = [], failures = [] } = await client.send(
    new RunTaskCommand(freshContainer(deployment, pool)),
  )
  const arn = tasks[0]?.taskArn
  if (arn === undefined)
    throw new SluiceError(
      'deployment_unreachable',
      `No container of ${pool} starts: ${failures[0]?.reason ?? 'no reason was told'}.`,
    )
  return arn.slice(arn.lastIndexOf('/') + 1)
}

async function untilExecutable(client: ECSClient, { outputs }: Deployment, id: string): Promise<void> {
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    const input = { cluster: outputs.Cluster, tasks: [id] }
    const answer: DescribeTasksCommandOutput = await client.send(new DescribeTasksCommand(input))
    const agents = answer.tasks?.[0]?.containers?.flatMap(({ managedAgents = [] }) => managedAgents) ?? []
    if (agents.some(({ lastStatus }) => lastStatus === 'RUNNING')) return
    await sleep(LOOK_MS)
  }
  throw new SluiceError('deployment_unreachable', `The container ${id} lets nobody in after five minutes.`)
}

function run(program: string, args: string[]): Promise<number> {
  const child = spawn(program, args, { stdio: 'inherit' })
  return new Promise((resolve, reject) => {
    child.on('error', (cause) =>
      reject(
        new SluiceError('deployment_unreachable', `${program} cannot be started: ${cause.message}`, {
          cause,
          hint: 'It takes the AWS CLI with the Session Manager plugin.',
        }),
      ),
    )
    child.on('close', (code) => resolve(code ?? EXIT.system))
  })
}
