import {
  DescribeTasksCommand,
  type ECSClient,
  ListTasksCommand,
  StopTaskCommand,
  type Task,
} from '@aws-sdk/client-ecs'
import { CAPACITY, SHELL } from '../../core/names.ts'
import type { ShellJobs } from '../../core/ports/launching.ts'
import type { ProgramDetails } from '../../core/program.ts'
import { makeTaskOverrides, runTask } from './run-program.ts'
import type { Place } from './workers.ts'

/*
 * Shells of a deployment: ECS tasks beside those of attempts. A shell is known by who has started it, wherever ECS tasks are listed or
 * told of, so that none is taken for an attempt, and none of an attempt for a shell.
 */

/** The limit counts from the keeper's start, and an image may take long to be pulled. */
const STARTING_MS = 15 * 60_000

/** Shells in a cluster of ECS. */
export function makeEcsShells(client: ECSClient, place: Place): ShellJobs<ProgramDetails> {
  const { cluster } = place
  return {
    async open({ token, target, of, details }) {
      const { argv: _, ...waiting } = details
      const overrides = makeTaskOverrides({ [SHELL.variable]: JSON.stringify(of) }, waiting)
      if (typeof overrides === 'string') return { is: 'refused', message: overrides }
      const answer = await runTask(client, place, {
        clientToken: `shell-${token}`,
        startedBy: SHELL.startedBy,
        taskDefinition: target,
        // Who works in a shell is not to be interrupted.
        provider: CAPACITY.usual,
        overrides,
        enableExecuteCommand: true,
      })
      if (answer.is === 'launched') return { is: 'opened', id: readTaskId(answer.handle) }
      if (answer.is !== 'known') return { is: 'refused', message: answer.message }
      if (answer.handle === undefined) throw new Error(`ECS names no task of the request ${token}`)
      return { is: 'opened', id: readTaskId(answer.handle) }
    },
    async end(id, reason) {
      const { tasks = [] } = await client.send(new DescribeTasksCommand({ cluster, tasks: [id] }))
      if (tasks[0]?.startedBy !== SHELL.startedBy) return false
      await client.send(new StopTaskCommand({ cluster, task: id, reason }))
      return true
    },
  }
}

/** Stops the shells that are open longer than any may be; how many. `now`: milliseconds since 1970. */
export async function stopOverdueShells(client: ECSClient, cluster: string, now: number): Promise<number> {
  let stopped = 0
  let nextToken: string | undefined
  do {
    const query = { cluster, startedBy: SHELL.startedBy, ...(nextToken && { nextToken }) }
    const page = await client.send(new ListTasksCommand(query))
    const tasks = page.taskArns?.length
      ? ((await client.send(new DescribeTasksCommand({ cluster, tasks: page.taskArns }))).tasks ?? [])
      : []
    for (const task of tasks.filter((each) => isOverdue(each, now))) {
      await client.send(new StopTaskCommand({ cluster, task: task.taskArn, reason: 'its time was over' }))
      stopped++
    }
    nextToken = page.nextToken
  } while (nextToken !== undefined)
  return stopped
}

const isOverdue = ({ createdAt, lastStatus, startedBy }: Task, now: number): boolean =>
  startedBy === SHELL.startedBy &&
  lastStatus !== 'STOPPED' &&
  createdAt !== undefined &&
  now - createdAt.getTime() > SHELL.limitMs + STARTING_MS

const readTaskId = (arn: string) => arn.slice(arn.lastIndexOf('/') + 1)
