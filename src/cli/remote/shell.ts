import { ECSClient, RunTaskCommand, type RunTaskCommandInput, StopTaskCommand } from '@aws-sdk/client-ecs'
import type { Control, TaskShape } from '../../control/control.ts'
import { SluiceError } from '../../core/errors.ts'
import { CAPACITY, CONTAINER, parseEcsTaskId, SHELL } from '../../core/names.ts'
import { findDeployedEnvironment } from '../../define/deployed-environment.ts'
import { type Deployment, findDeployment } from '../../homes/remote/deployment.ts'
import { makeDeploymentControl } from '../../homes/remote/open-control.ts'
import type { Project } from '../../project/load-config.ts'
import { EXIT } from '../exit.ts'
import { type GlobalOptions, loadWorkingProject, type Result } from '../options.ts'
import { openProgramShell } from './program-shell.ts'
import { BEST_SHELL, type Enterable, requireSession, runSession, untilEnterable } from './session.ts'
import { whileStarted } from './while-started.ts'

/**
 * Opens a shell in a deployment: of a program in a container of its own; of a body on Fargate in the container that runs it, or in a fresh
 * one of its pool. A fresh container ends with the shell.
 */
export async function openContainerShell(run: string, name: string, options: GlobalOptions): Promise<Result> {
  requireSession()
  const project = await loadWorkingProject(options)
  const deployment = await findDeployment(project, findDeployedEnvironment(project, options.env ?? ''))
  const control = makeDeploymentControl(deployment)
  const client = new ECSClient({ region: deployment.environment.region })
  const task = await findOne(control, run, name)
  const say = options.json ? () => {} : (lines: string[]) => console.error(lines.join('\n'))
  if (!isBodyOnFargate(project, task))
    return openProgramShell({ client, deployment, control, say }, { run, task: name })
  const isWell = await useContainer(client, deployment, task, (entered) =>
    runSession(client, deployment, entered, BEST_SHELL),
  )
  if (isWell === undefined) return { data: {}, text: 'The container was stopped.', exitCode: EXIT.killed }
  return { data: { run, task: task.task }, text: '', exitCode: isWell ? EXIT.done : EXIT.system }
}

async function findOne(control: Control, run: string, task: string): Promise<TaskShape> {
  const { tasks } = await control.tasks({ run, task, limit: 1 })
  return tasks[0] as TaskShape
}

/** All others have no worker to look into: the deployment says what can be opened for them. */
export function isBodyOnFargate(
  { tasks, pools }: Pick<Project, 'tasks' | 'pools'>,
  { family, pool }: Pick<TaskShape, 'family' | 'pool'>,
): boolean {
  const definition = tasks.get(family)
  const isBody = definition?.body !== undefined
  return isBody && pools[pool]?.runsOn === 'fargate'
}

/**
 * Works in a container that lets one in: that of a task that runs, or a fresh one of its pool, which is stopped
 * afterwards. Returns undefined if a signal came before.
 */
export async function useContainer<T>(
  client: ECSClient,
  deployment: Deployment,
  task: Pick<TaskShape, 'status' | 'worker' | 'pool'>,
  work: (entered: Enterable) => Promise<T>,
): Promise<T | undefined> {
  const prepare = (id: string) => untilEnterable(client, deployment, { task: id, container: CONTAINER })
  const running = findTaskContainer(task)
  if (running !== undefined) return work(await prepare(running))
  return whileStarted({
    start: () => startFresh(client, deployment, task.pool),
    prepare,
    work,
    stop: (id) =>
      client.send(
        new StopTaskCommand({
          cluster: deployment.outputs.Cluster,
          task: id,
          reason: 'the shell has ended',
        }),
      ),
  })
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
  return {
    cluster: outputs.Cluster,
    taskDefinition: `${outputs.Families ?? `${stack}-`}${pool}`,
    launchType: CAPACITY.usual,
    enableExecuteCommand: true,
    startedBy: SHELL.startedBy,
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
