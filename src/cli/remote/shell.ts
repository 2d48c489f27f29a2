import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  DescribeTasksCommand,
  type DescribeTasksCommandOutput,
  ECSClient,
  RunTaskCommand,
  type RunTaskCommandInput,
  StopTaskCommand,
} from '@aws-sdk/client-ecs'
import { SHELL } from '../../adapters/ecs/workers.ts'
import type { TaskShape } from '../../control/control.ts'
import { SluiceError } from '../../core/errors.ts'
import { CAPACITY, CONTAINER, EVENTS, parseEcsTaskId } from '../../core/names.ts'
import { findDeployedEnvironment } from '../../define/deployed-environment.ts'
import { type Deployment, findDeployment } from '../../homes/remote/deployment.ts'
import { makeDeploymentControl } from '../../homes/remote/open-control.ts'
import type { Project } from '../../project/load-config.ts'
import { EXIT } from '../exit.ts'
import { type GlobalOptions, loadWorkingProject, type Result } from '../options.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const LOOK_MS = 2_000
const MOST_LOOKS = 150

/** Opens a shell in the container of a running task, or in a fresh one of its pool, which ends with the shell. */
export async function openContainerShell(
  wanted: string,
  name: string,
  options: GlobalOptions,
): Promise<Result> {
  const project = await loadWorkingProject(options)
  const deployment = await findDeployment(project, findDeployedEnvironment(project, options.env ?? ''))
  const control = makeDeploymentControl(deployment)
  const { tasks } = await control.tasks({ run: wanted, task: name, limit: 1 })
  const [task] = tasks as [TaskShape]
  requireWorkerTask(project, task, `${wanted} ${task?.family} --env ${options.env}`)
  const client = new ECSClient({ region: deployment.environment.region })
  const shown = await useContainer(client, deployment, task, async (id) => {
    const code = await runOnTerminal('aws', makeExecArguments(deployment, id))
    return { data: { container: id }, text: '', exitCode: code === 0 ? EXIT.done : EXIT.system }
  })
  return shown ?? { data: {}, text: 'The container was stopped.', exitCode: EXIT.killed }
}

/** Throws for a program: its container stands beside a keeper, and ECS Exec reaches neither. `place` is what `sluice logs` takes. */
export function requireWorkerTask(
  { tasks }: Pick<Project, 'tasks'>,
  { task, family }: Pick<TaskShape, 'task' | 'family'>,
  place: string,
): void {
  const definition = tasks.get(family)
  if (definition?.container === undefined && definition?.emr === undefined) return
  throw new SluiceError(
    'invalid_usage',
    `No shell can be opened on AWS for ${task}: it is a program of its own.`,
    {
      hint: `Open one in the same image on this machine: sluice run NAME, then sluice shell latest ${family}. Its lines: sluice logs ${place}`,
    },
  )
}

/**
 * Works in a container that lets one in: that of a task that runs, or a fresh one of its pool, which is stopped
 * afterwards. Returns undefined if a signal came before.
 */
export async function useContainer<T>(
  client: ECSClient,
  deployment: Deployment,
  task: Pick<TaskShape, 'status' | 'worker' | 'pool'>,
  work: (id: string) => Promise<T>,
): Promise<T | undefined> {
  const running = findTaskContainer(task)
  if (running !== undefined) {
    await untilExecutable(client, deployment, running)
    return work(running)
  }
  const stopped = Promise.withResolvers<undefined>()
  const stop = () => stopped.resolve(undefined)
  for (const signal of SIGNALS) process.on(signal, stop)
  const id = await startFresh(client, deployment, task.pool)
  try {
    return await Promise.race([untilExecutable(client, deployment, id).then(() => work(id)), stopped.promise])
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop)
    await client.send(
      new StopTaskCommand({ cluster: deployment.outputs.Cluster, task: id, reason: 'the shell has ended' }),
    )
  }
}

/** The container that runs a task now. */
export function findTaskContainer({
  status,
  worker,
}: Pick<TaskShape, 'status' | 'worker'>): string | undefined {
  return status === 'running' && worker ? parseEcsTaskId(worker) : undefined
}

/** A container of the pool that works on nothing; if it is not stopped, it ends after an hour. */
export function makeFreshContainerInput({ stack, outputs }: Deployment, pool: string): RunTaskCommandInput {
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
    launchType: CAPACITY.usual,
    enableExecuteCommand: true,
    startedBy: SHELL,
    overrides: { containerOverrides: [{ name: CONTAINER, command: ['wait'] }] },
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
export const makeExecArguments = (
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
  CONTAINER,
  '--interactive',
  '--command',
  command,
]

async function startFresh(client: ECSClient, deployment: Deployment, pool: string): Promise<string> {
  const { tasks = [], failures = [] } = await client.send(
    new RunTaskCommand(makeFreshContainerInput(deployment, pool)),
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
    const [task] = answer.tasks ?? []
    if (task?.lastStatus === EVENTS.container.status)
      throw new SluiceError(
        'deployment_unreachable',
        `The container ${id} stopped: ${task.stoppedReason ?? 'no reason was told'}.`,
      )
    const agents = task?.containers?.flatMap(({ managedAgents = [] }) => managedAgents) ?? []
    if (agents.some(({ lastStatus }) => lastStatus === 'RUNNING')) return
    await sleep(LOOK_MS)
  }
  throw new SluiceError(
    'deployment_unreachable',
    `The container ${id} accepts no session after five minutes.`,
  )
}

function runOnTerminal(program: string, args: string[]): Promise<number> {
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
